// Pod: what is filled in and admitted when it is made, and the little that may change afterwards.
#include <algorithm>

#include "schemas/lib/quantity.h"
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/pod_admission.h"
#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

// What one container asks for: whether anything, and whether exactly its limits of both resources.
struct Asks {
  bool anything = false;
  bool exact = true;
};

Asks asks_of(const json::object& container) {
  const json::object& resources = object_in(container, "resources");
  const json::object& limits = object_in(resources, "limits");
  const json::object& requests = object_in(resources, "requests");
  Asks out;
  for (std::string_view name : {"cpu", "memory"}) {
    std::optional<Quantity> limit = Quantity::parse(text_in(limits, name));
    std::optional<Quantity> request = Quantity::parse(text_in(requests, name));
    out.anything = out.anything || (limit && !limit->is_zero()) || (request && !request->is_zero());
    out.exact = out.exact && limit && !limit->is_zero() && request && *request == *limit;
  }
  return out;
}

std::string_view qos_class(const json::object& spec) {
  bool anything = false, exact = true;
  for (const char* list : {"containers", "initContainers"}) {
    for (const json::value& c : array_in(spec, list)) {
      Asks asks = asks_of(object_of(c));
      anything = anything || asks.anything;
      exact = exact && asks.exact;
    }
  }
  if (!anything) return "BestEffort";
  return exact ? "Guaranteed" : "Burstable";
}

// Two specs but for what may change, given back as it was.
json::object with_allowed_changes_undone(const json::object& old, json::object now) {
  for (const char* list : {"containers", "initContainers"}) {
    json::array* containers = array_at(now, list);
    const json::array& before = array_in(old, list);
    for (size_t i = 0; containers != nullptr && i < containers->size() && i < before.size(); ++i) {
      if (json::object* c = (*containers)[i].if_object()) carry(object_of(before[i]), *c, "image");
    }
  }
  for (const char* key : {"activeDeadlineSeconds", "tolerations"}) carry(old, now, key);
  bool grace = number_in(old, "terminationGracePeriodSeconds") < 0 &&
               number_in(now, "terminationGracePeriodSeconds") == 1;
  if (grace) carry(old, now, "terminationGracePeriodSeconds");
  // Gates may only be lifted.
  const json::array& gates = array_in(old, "schedulingGates");
  const json::array& left = array_in(now, "schedulingGates");
  bool lifted = std::all_of(left.begin(), left.end(), [&](const json::value& g) {
    return std::find(gates.begin(), gates.end(), g) != gates.end();
  });
  if (lifted) carry(old, now, "schedulingGates");
  return now;
}

void check_tolerations_only_grow(const json::object& old, const json::object& now,
                                 FieldErrors* errors) {
  const json::array& after = array_in(now, "tolerations");
  for (const json::value& v : array_in(old, "tolerations")) {
    // How long one is tolerated may change.
    bool kept = std::any_of(after.begin(), after.end(), [&](const json::value& other) {
      json::object a = object_of(v), b = object_of(other);
      a.erase("tolerationSeconds");
      b.erase("tolerationSeconds");
      return a == b;
    });
    if (!kept) {
      errors->forbidden("spec.tolerations", "tolerations can be added, not taken away");
      return;
    }
  }
}

void check_deadline(const json::object& old, const json::object& now, FieldErrors* errors) {
  const json::value* was = find(old, "activeDeadlineSeconds");
  const json::value* is = find(now, "activeDeadlineSeconds");
  if (was == nullptr) return;
  if (is == nullptr) {
    errors->invalid("spec.activeDeadlineSeconds", nullptr, "cannot be taken away");
  } else if (number_in(now, "activeDeadlineSeconds") > number_in(old, "activeDeadlineSeconds")) {
    errors->invalid("spec.activeDeadlineSeconds", *is, "can only become less");
  }
}

class Pod final : public KindBehaviour {
 public:
  bool has_generation() const override { return true; }

  void prepare_create(Context&, json::object& object) const override {
    object["status"] = json::object{{"phase", "Pending"}};
  }

  void default_before(json::object& object) const override {
    json::object& spec = make_object(object, "spec");
    default_to(spec, "enableServiceLinks", true);
    default_pod_spec(spec);
  }

  Status admit(Context& ctx, json::object& object) const override {
    if (Status s = admit_priority(ctx, object); !s) return s;
    if (Status s = inject_service_account(ctx, object); !s) return s;
    tolerate_short_absence(object);
    make_object(object, "status")["qosClass"] = qos_class(object_in(object, "spec"));
    return {};
  }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    const json::object& spec = object_in(object, "spec");
    if (before != nullptr) {
      check_update(object_in(*before, "spec"), spec, errors);
      return;
    }
    check_pod_spec(spec, "spec", errors);
    if (!array_in(spec, "ephemeralContainers").empty()) {
      errors->forbidden("spec.ephemeralContainers", "cannot be given to a new Pod");
    }
  }

  void restate(Cause* cause) const override {
    if (cause->field == "spec.os.name") cause->field = "spec.os";
  }

 private:
  static void check_update(const json::object& old, const json::object& now, FieldErrors* errors) {
    if (old == now) return;
    for (const char* list : {"containers", "initContainers"}) {
      if (array_in(old, list).size() != array_in(now, list).size()) {
        errors->forbidden(joined("spec", list),
                          "containers of a Pod can be neither added nor removed");
        return;
      }
    }
    check_containers(now, "spec", errors);
    check_tolerations_only_grow(old, now, errors);
    check_deadline(old, now, errors);
    if (with_allowed_changes_undone(old, now) != old) {
      errors->forbidden(
          "spec", "of a Pod only the images, activeDeadlineSeconds and tolerations can be changed");
    }
  }
};

}  // namespace

const KindBehaviour& pod_behaviour() {
  static const Pod kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
