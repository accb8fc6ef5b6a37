// Selector and template of the workloads.
#include "services/store/kinds/pod_template.h"

#include "schemas/lib/selectors/selectors.h"
#include "services/store/kinds/meta.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

bool empty_selector(const json::object& selector) {
  return object_in(selector, "matchLabels").empty() &&
         array_in(selector, "matchExpressions").empty();
}

bool matches(const selectors::LabelSelector& selector, const json::object& labels) {
  return selector.matches([&](std::string_view key) -> std::optional<std::string_view> {
    const json::value* v = find(labels, key);
    return v == nullptr ? std::nullopt : std::optional<std::string_view>(text_of(*v));
  });
}

}  // namespace

void check_workload_template(const json::object& spec, std::string_view what, FieldErrors* errors) {
  const json::object& tmpl = object_in(spec, "template");
  const json::object& pod = object_in(tmpl, "spec");
  const json::object& labels = object_in(object_in(tmpl, "metadata"), "labels");
  check_labels(labels, "spec.template.metadata.labels", errors);
  const json::value* selector = find(spec, "selector");
  Result<selectors::LabelSelector> parsed =
      selectors::LabelSelector::from_value(selector == nullptr ? json::value() : *selector);
  // That one is there at all is the schema's rule.
  if (selector != nullptr && empty_selector(object_in(spec, "selector"))) {
    errors->invalid("spec.selector", *selector,
                    "an empty selector is not allowed for a " + std::string(what));
  }
  if (!parsed) {
    for (Cause c : parsed.error().causes) {
      c.field = "spec.selector." + c.field;
      errors->add(std::move(c));
    }
  }
  if (parsed && !matches(*parsed, labels)) {
    errors->invalid("spec.template.metadata.labels", labels,
                    "the selector does not match these labels");
  }
  check_pod_spec(pod, "spec.template.spec", errors);
  std::string_view policy = text_in(pod, "restartPolicy");
  if (!policy.empty() && policy != "Always") {
    errors->not_supported("spec.template.spec.restartPolicy", json::value(policy), {"Always"});
  }
  if (has(pod, "activeDeadlineSeconds")) {
    errors->forbidden("spec.template.spec.activeDeadlineSeconds",
                      "has no meaning for a " + std::string(what));
  }
}

void check_selector_kept(const json::object& before, const json::object& after,
                         FieldErrors* errors) {
  const json::object& spec = object_in(after, "spec");
  if (same(object_in(before, "spec"), spec, "selector")) return;
  const json::value* selector = find(spec, "selector");
  errors->invalid("spec.selector", selector == nullptr ? json::value() : *selector,
                  "this field cannot be changed");
}

}  // namespace kubus::store::kinds
