// ConfigMap: key names, size, immutability.
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr size_t kMostBytes = 1024 * 1024;

class ConfigMap final : public KindBehaviour {
 public:
  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    const json::object& data = object_in(object, "data");
    const json::object& binary = object_in(object, "binaryData");
    size_t bytes =
        check_keys(data, "data", errors) + check_keys(binary, "binaryData", errors) * 3 / 4;
    for (const auto& entry : binary) {
      if (data.contains(entry.key())) {
        errors->invalid(keyed("binaryData", entry.key()), json::value(entry.key()),
                        "data has this key too");
      }
    }
    if (bytes > kMostBytes) errors->too_long("", kMostBytes);
    if (before == nullptr || !flag_in(*before, "immutable")) return;
    if (!flag_in(object, "immutable"))
      errors->forbidden("immutable", "what was made immutable stays so");
    for (const char* key : {"data", "binaryData"}) {
      if (!same(*before, object, key))
        errors->forbidden(key, "cannot change, for the object is immutable");
    }
  }

 private:
  static size_t check_keys(const json::object& map, std::string_view path, FieldErrors* errors) {
    size_t bytes = 0;
    for (const auto& [key, v] : map) {
      bytes += text_of(v).size();
      std::string wrong = validation::check_config_key(key);
      if (!wrong.empty()) errors->invalid(keyed(path, key), json::value(key), wrong);
    }
    return bytes;
  }
};

}  // namespace

const KindBehaviour& config_map_behaviour() {
  static const ConfigMap kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
