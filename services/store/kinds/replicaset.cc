// ReplicaSet.
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/pod_template.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

class ReplicaSet final : public KindBehaviour {
 public:
  bool has_generation() const override { return true; }
  void prepare_create(Context&, json::object& object) const override {
    object["status"] = json::object{{"replicas", 0}};
  }
  void default_before(json::object& object) const override {
    json::object& spec = make_object(object, "spec");
    default_pod_spec(make_object(make_object(spec, "template"), "spec"));
  }
  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    check_workload_template(object_in(object, "spec"), "replica set", errors);
    if (before != nullptr) check_selector_kept(*before, object, errors);
  }
};

}  // namespace

const KindBehaviour& replica_set_behaviour() {
  static const ReplicaSet kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
