// Event: it stands in the namespace of what it is about, and says who reports it.
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

class Event final : public KindBehaviour {
 public:
  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    std::string_view ns = text_in(object_in(object, "metadata"), "namespace");
    const json::object& about = object_in(object, "involvedObject");
    std::string_view place = text_in(about, "namespace");
    // What has no namespace is reported in the default one.
    bool fits = place.empty() ? ns == "default" || ns == "kube-system" : place == ns;
    if (!fits) {
      errors->invalid("involvedObject.namespace", json::value(place),
                      "must be the event's own namespace");
    }
    if (!has(object, "eventTime")) return;
    if (text_in(object, "reportingComponent").empty()) errors->required("reportingController");
    if (text_in(object, "reportingInstance").empty()) errors->required("reportingInstance");
    if (text_in(object, "action").empty()) errors->required("action");
    if (text_in(object, "reason").empty()) errors->required("reason");
    if (before != nullptr && !same(*before, object, "involvedObject")) {
      errors->invalid("involvedObject", *object.if_contains("involvedObject"), "cannot be changed");
    }
  }
};

}  // namespace

const KindBehaviour& event_behaviour() {
  static const Event kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
