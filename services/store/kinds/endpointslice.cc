// EndpointSlice: addresses fit the slice's type, ports have names of their own.
#include <set>
#include <string>

#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr size_t kMostEndpoints = 1000;
constexpr size_t kMostAddresses = 100;
constexpr size_t kMostPorts = 20000;

std::string check_address(std::string_view type, std::string_view address) {
  if (type == "FQDN") return validation::check_dns1123_subdomain(address);
  std::string wrong = validation::check_ip(address);
  if (!wrong.empty()) return wrong;
  bool six = address.find(':') != std::string_view::npos;
  return six == (type == "IPv6") ? "" : "must be an " + std::string(type) + " address";
}

class EndpointSlice final : public KindBehaviour {
 public:
  bool has_generation() const override { return true; }
  bool moves_generation(const json::object& before, const json::object& after) const override {
    return !same(before, after, "endpoints") || !same(before, after, "ports") ||
           !same(before, after, "addressType");
  }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    std::string_view type = text_in(object, "addressType");
    if (before != nullptr && text_in(*before, "addressType") != type) {
      errors->invalid("addressType", json::value(type), "cannot be changed");
    }
    const json::array& endpoints = array_in(object, "endpoints");
    if (endpoints.size() > kMostEndpoints)
      errors->too_many("endpoints", endpoints.size(), kMostEndpoints);
    for (size_t i = 0; i < endpoints.size(); ++i) {
      check_endpoint(type, object_of(endpoints[i]), indexed("endpoints", i), errors);
    }
    check_ports(array_in(object, "ports"), errors);
  }

 private:
  static void check_endpoint(std::string_view type, const json::object& endpoint,
                             const std::string& path, FieldErrors* errors) {
    const json::array& addresses = array_in(endpoint, "addresses");
    std::string here = joined(path, "addresses");
    if (addresses.size() > kMostAddresses) errors->too_many(here, addresses.size(), kMostAddresses);
    for (size_t i = 0; i < addresses.size(); ++i) {
      std::string wrong = check_address(type, text_of(addresses[i]));
      if (!wrong.empty()) errors->invalid(indexed(here, i), addresses[i], wrong);
    }
  }

  static void check_ports(const json::array& ports, FieldErrors* errors) {
    if (ports.size() > kMostPorts) errors->too_many("ports", ports.size(), kMostPorts);
    std::set<std::string_view> names;
    for (size_t i = 0; i < ports.size(); ++i) {
      std::string_view name = text_in(object_of(ports[i]), "name");
      std::string path = joined(indexed("ports", i), "name");
      std::string wrong = name.empty() ? "" : validation::check_dns1123_label(name);
      if (!wrong.empty()) errors->invalid(path, json::value(name), wrong);
      if (!names.insert(name).second) errors->duplicate(path, json::value(name));
    }
  }
};

}  // namespace

const KindBehaviour& endpoint_slice_behaviour() {
  static const EndpointSlice kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
