// Endpoints: addresses and ports must be such. Whoever writes them decides the rest.
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

void check_addresses(const json::array& addresses, const std::string& path, FieldErrors* errors) {
  for (size_t i = 0; i < addresses.size(); ++i) {
    std::string_view ip = text_in(object_of(addresses[i]), "ip");
    std::string wrong = validation::check_ip(ip);
    if (!wrong.empty()) errors->invalid(joined(indexed(path, i), "ip"), json::value(ip), wrong);
  }
}

class Endpoints final : public KindBehaviour {
 public:
  void validate(const json::object*, const json::object& object,
                FieldErrors* errors) const override {
    const json::array& subsets = array_in(object, "subsets");
    for (size_t i = 0; i < subsets.size(); ++i) {
      const json::object& subset = object_of(subsets[i]);
      std::string path = indexed("subsets", i);
      const json::array& ready = array_in(subset, "addresses");
      const json::array& other = array_in(subset, "notReadyAddresses");
      if (ready.empty() && other.empty())
        errors->required(path, "addresses or notReadyAddresses is needed");
      check_addresses(ready, joined(path, "addresses"), errors);
      check_addresses(other, joined(path, "notReadyAddresses"), errors);
      check_ports(array_in(subset, "ports"), joined(path, "ports"), errors);
    }
  }

 private:
  static void check_ports(const json::array& ports, const std::string& path, FieldErrors* errors) {
    for (size_t i = 0; i < ports.size(); ++i) {
      const json::object& port = object_of(ports[i]);
      std::string here = indexed(path, i);
      std::string_view name = text_in(port, "name");
      if (name.empty() && ports.size() > 1) errors->required(joined(here, "name"));
      std::string wrong = name.empty() ? "" : validation::check_dns1123_label(name);
      if (!wrong.empty()) errors->invalid(joined(here, "name"), json::value(name), wrong);
      int64_t number = number_in(port, "port");
      if (number < 1 || number > 65535)
        errors->invalid(joined(here, "port"), number, "must be between 1 and 65535");
    }
  }
};

}  // namespace

const KindBehaviour& endpoints_behaviour() {
  static const Endpoints kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
