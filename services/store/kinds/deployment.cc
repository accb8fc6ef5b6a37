// Deployment: its strategy depends on the strategy's type.
#include <charconv>
#include <optional>

#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

// A count or the percentage in "25%".
struct Share {
  int64_t n = 0;
  bool percent = false;
};

std::optional<Share> share_of(const json::value& v) {
  if (v.is_int64()) return Share{v.get_int64(), false};
  std::string_view s = text_of(v);
  Share out{0, true};
  if (s.size() < 2 || s.back() != '%') return std::nullopt;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size() - 1, out.n);
  if (error != std::errc() || end != s.data() + s.size() - 1) return std::nullopt;
  return out;
}

// What is there, complained about if it is no share. Absent counts as zero.
Share check_share(const json::object& rolling, std::string_view key, FieldErrors* errors) {
  const json::value* v = find(rolling, key);
  if (v == nullptr) return {};
  std::string path = joined("spec.strategy.rollingUpdate", key);
  std::optional<Share> share = share_of(*v);
  if (!share) {
    errors->invalid(path, *v, "must be a number or a percentage such as 25%");
    return {1, false};
  }
  if (share->n < 0) errors->invalid(path, *v, "must be at least 0");
  bool too_much = share->percent && share->n > 100 && key == "maxUnavailable";
  if (too_much) errors->invalid(path, *v, "must be at most 100%");
  return *share;
}

void check_strategy(const json::object& strategy, FieldErrors* errors) {
  std::string_view type = text_in(strategy, "type");
  if (type == "Recreate") {
    if (has(strategy, "rollingUpdate")) {
      errors->forbidden("spec.strategy.rollingUpdate",
                        "cannot be set when the strategy is Recreate");
    }
    return;
  }
  if (type != "RollingUpdate") return;
  const json::object& rolling = object_in(strategy, "rollingUpdate");
  Share surge = check_share(rolling, "maxSurge", errors),
        down = check_share(rolling, "maxUnavailable", errors);
  if (surge.n == 0 && down.n == 0) {
    errors->invalid("spec.strategy.rollingUpdate.maxUnavailable", 0,
                    "must not be 0 when maxSurge is 0");
  }
}

class Deployment final : public KindBehaviour {
 public:
  bool has_generation() const override { return true; }
  bool moves_generation(const json::object& before, const json::object& after) const override {
    return !same(before, after, "spec") ||
           !same(object_in(before, "metadata"), object_in(after, "metadata"), "annotations");
  }

  void default_before(json::object& object) const override {
    json::object& spec = make_object(object, "spec");
    json::object& strategy = make_object(spec, "strategy");
    if (text_in(strategy, "type").empty()) strategy["type"] = "RollingUpdate";
    if (text_in(strategy, "type") == "RollingUpdate") {
      json::object& rolling = make_object(strategy, "rollingUpdate");
      default_to(rolling, "maxUnavailable", "25%");
      default_to(rolling, "maxSurge", "25%");
    }
    default_pod_spec(make_object(make_object(spec, "template"), "spec"));
  }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    const json::object& spec = object_in(object, "spec");
    check_workload_template(spec, "deployment", errors);
    check_strategy(object_in(spec, "strategy"), errors);
    int64_t deadline = number_in(spec, "progressDeadlineSeconds"),
            ready = number_in(spec, "minReadySeconds");
    if (has(spec, "progressDeadlineSeconds") && deadline >= 0 && deadline <= ready) {
      errors->invalid("spec.progressDeadlineSeconds", deadline,
                      "must be greater than minReadySeconds");
    }
    if (before != nullptr) check_selector_kept(*before, object, errors);
  }

  void restate(Cause* cause) const override {
    if (cause->field == "spec.strategy.type") cause->field = "spec.strategy";
  }
};

}  // namespace

const KindBehaviour& deployment_behaviour() {
  static const Deployment kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
