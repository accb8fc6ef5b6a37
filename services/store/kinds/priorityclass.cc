// PriorityClass: what a name and a value may be, and that one at most is the default.
#include "services/store/kinds/priorityclass.h"

#include <algorithm>

#include "schemas/scheduling/v1/scheduling_generated.h"
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr int64_t kMostOfUsers = 1000000000;
constexpr std::string_view kSystemPrefix = "system-";

const KindInfo& class_kind() {
  static const KindInfo* const kKind =
      schema::Registry::get().by_kind("scheduling.k8s.io", "v1", "PriorityClass");
  return *kKind;
}

bool is_default(const Object& object) {
  return object.as<scheduling::v1::PriorityClass>()->global_default().value_or(false);
}

bool is_system_class(std::string_view name, const json::object& object) {
  return std::any_of(kSystemClasses.begin(), kSystemClasses.end(), [&](const SystemClass& c) {
    return c.name == name && c.value == number_in(object, "value") &&
           !flag_in(object, "globalDefault");
  });
}

Status only_default(Context& ctx, const json::object& object) {
  if (!flag_in(object, "globalDefault")) return {};
  std::string_view name = text_in(object_in(object, "metadata"), "name");
  std::optional<Object> other = default_priority_class(ctx.lookup);
  if (!other || other->name() == name) return {};
  return Error(Code::kForbidden, "priorityclasses.scheduling.k8s.io \"" + std::string(name) +
                                     "\" is forbidden: PriorityClass " +
                                     std::string(other->name()) +
                                     " is the default already, and there can be one only");
}

class PriorityClass final : public KindBehaviour {
 public:
  bool has_generation() const override { return true; }
  bool moves_generation(const json::object&, const json::object&) const override { return false; }

  Status admit(Context& ctx, json::object& object) const override {
    return only_default(ctx, object);
  }
  Status admit_change(Context& ctx, const json::object&, json::object& after) const override {
    return only_default(ctx, after);
  }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    if (before != nullptr) {
      if (number_in(*before, "value") != number_in(object, "value"))
        errors->forbidden("value", "may not change");
      if (!same(*before, object, "preemptionPolicy"))
        errors->invalid("preemptionPolicy", json::value(text_in(object, "preemptionPolicy")),
                        "may not change");
      return;
    }
    std::string_view name = text_in(object_in(object, "metadata"), "name");
    if (is_system_class(name, object)) return;
    if (name.starts_with(kSystemPrefix))
      errors->forbidden("metadata.name", "names that begin with system- are the system's own");
    if (number_in(object, "value") > kMostOfUsers)
      errors->forbidden("value",
                        "is at most " + std::to_string(kMostOfUsers) + " in classes of users");
  }
};

}  // namespace

std::optional<Object> priority_class(const Lookup& lookup, const std::string& name) {
  return lookup.get({&class_kind(), "", name});
}

std::optional<Object> default_priority_class(const Lookup& lookup) {
  for (Object& object : lookup.all(class_kind())) {
    if (is_default(object)) return std::move(object);
  }
  return std::nullopt;
}

const KindBehaviour& priority_class_behaviour() {
  static const PriorityClass kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
