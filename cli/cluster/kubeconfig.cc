#include "cli/cluster/kubeconfig.h"

#include <boost/json.hpp>

#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/codec/yaml.h"

namespace kubus::cli {

std::string render_kubeconfig(const ClusterConfig& config, const Layout& layout,
                              const std::string& ca_pem, const KeyPair& user) {
  namespace json = boost::json;
  auto encoded = [](const std::string& pem) { return codec::base64(as_bytes(pem)); };
  std::string name = "kubus-" + config.name;
  json::object bus{{"servers", {"nats://" + config.listen + ":" + std::to_string(config.bus_port)}},
                   {"cluster", config.name},
                   {"credentials", layout.credentials("admin")}};
  json::object cluster{
      {"certificate-authority-data", encoded(ca_pem)},
      {"extensions", {{{"extension", std::move(bus)}, {"name", "kubus"}}}},
      {"server", "https://" + config.listen + ":" + std::to_string(config.api_port)}};
  json::object credentials{{"client-certificate-data", encoded(user.certificate_pem)},
                           {"client-key-data", encoded(user.key_pem)}};
  json::object root{
      {"apiVersion", "v1"},
      {"clusters", {{{"cluster", std::move(cluster)}, {"name", name}}}},
      {"contexts", {{{"context", {{"cluster", name}, {"user", name}}}, {"name", name}}}},
      {"current-context", name},
      {"kind", "Config"},
      {"preferences", json::object()},
      {"users", {{{"name", name}, {"user", std::move(credentials)}}}}};
  return codec::to_yaml(root);
}

}  // namespace kubus::cli
