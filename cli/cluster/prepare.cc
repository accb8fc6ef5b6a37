#include "cli/cluster/prepare.h"

#include <arpa/inet.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "agents/containerd/containerd.h"
#include "bus/secrets/keyring.h"
#include "cli/cluster/bus_config.h"
#include "cli/cluster/files.h"
#include "cli/cluster/kubeconfig.h"
#include "cli/cluster/pki.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

constexpr int kSecret = 0600;
constexpr int kSecretDirectory = 0700;

Status make_layout(const Layout& layout) {
  for (const std::string& dir : {layout.dir, layout.dir + "/bus", layout.logs(), layout.run(),
                                 layout.store(), layout.kubelet()}) {
    if (Status s = make_directories(dir); !s) return s;
  }
  for (const std::string& dir : {layout.dir + "/pki", layout.dir + "/credentials"}) {
    if (Status s = make_directories(dir, kSecretDirectory); !s) return s;
  }
  return {};
}

Result<KeyPair> load_pair(const Layout& layout, const std::string& name) {
  auto certificate = read_file(layout.pki(name + ".crt"));
  if (!certificate) return certificate.error();
  auto key = read_file(layout.pki(name + ".key"));
  if (!key) return key.error();
  return KeyPair{*std::move(certificate), *std::move(key)};
}

Result<KeyPair> save_pair(const Layout& layout, const std::string& name, Result<KeyPair> made) {
  if (!made) return made;
  if (Status s = write_file(layout.pki(name + ".key"), made->key_pem, kSecret); !s)
    return s.error();
  if (Status s = write_file(layout.pki(name + ".crt"), made->certificate_pem); !s) return s.error();
  return made;
}

Result<KeyPair> authority(const ClusterConfig& config, const Layout& layout, int64_t now) {
  if (exists(layout.pki("ca.crt"))) return load_pair(layout, "ca");
  return save_pair(layout, "ca", make_authority("kubus-" + config.name, now));
}

Result<KeyPair> pair(const Layout& layout, const KeyPair& ca, const std::string& name,
                     const CertificateRequest& request) {
  if (exists(layout.pki(name + ".crt"))) {
    auto known = load_pair(layout, name);
    if (!known || covers(known->certificate_pem, request)) return known;
  }
  return save_pair(layout, name, issue(ca, request));
}

// The first address of a range, which is that of Service default/kubernetes.
Result<std::string> first_address(const std::string& cidr) {
  in_addr base{};
  if (inet_pton(AF_INET, cidr.substr(0, cidr.find('/')).c_str(), &base) != 1)
    return Error(Code::kBadRequest, "\"" + cidr + "\" is no range of addresses");
  base.s_addr = htonl(ntohl(base.s_addr) + 1);
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &base, text, sizeof text);
  return std::string(text);
}

Status prepare_signing_key(const Layout& layout) {
  if (exists(layout.pki("sa.pub"))) return {};
  auto made = make_signing_key();
  if (!made) return made.error();
  if (Status s = write_file(layout.pki("sa.key"), made->key_pem, kSecret); !s) return s;
  return write_file(layout.pki("sa.pub"), made->certificate_pem);
}

// Where nobody but root reads it, and apart from what it opens.
Status prepare_secrets_keys(const Layout& layout, int64_t now) {
  if (exists(layout.pki("secrets.keys"))) return {};
  secrets::KeyBytes bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return Error(Code::kInternal, "no random numbers for the key of Secrets");
  secrets::KeyRing ring;
  ring.add_newest(secrets::key_of(bytes, codec::format_time(now)));
  return write_file(layout.pki("secrets.keys"), ring.render(), kSecret);
}

Status prepare_certificates(const ClusterConfig& config, const Layout& layout, int64_t now) {
  auto ca = authority(config, layout, now);
  if (!ca) return ca.error();
  auto service = first_address(config.service_cidr);
  if (!service) return service.error();
  auto gateway =
      pair(layout, *ca, "gateway",
           {.common_name = "kubus-gateway",
            .dns_names = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                          "kubernetes.default.svc.cluster.local"},
            .ip_addresses = {"127.0.0.1", config.listen, config.address, *service},
            .server = true,
            .now_unix_seconds = now});
  if (!gateway) return gateway.error();
  auto admin = pair(
      layout, *ca, "admin",
      {.common_name = "kubus-admin", .organizations = {"system:masters"}, .now_unix_seconds = now});
  if (!admin) return admin.error();
  if (Status s = prepare_signing_key(layout); !s) return s;
  return write_file(layout.kubeconfig(),
                    render_kubeconfig(config, layout, ca->certificate_pem, *admin), kSecret);
}

}  // namespace

Status prepare(const ClusterConfig& config, const Layout& layout, int64_t now) {
  if (Status s = make_layout(layout); !s) return s;
  if (Status s = prepare_certificates(config, layout, now); !s) return s;
  if (Status s = write_bus_config(config, layout); !s) return s;
  if (Status s = prepare_secrets_keys(layout, now); !s) return s;
  if (!config.node.empty() && config.runtime_endpoint.empty()) {
    if (Status s = agents::prepare_containerd(layout.containerd(), config.name, config.pod_cidr);
        !s)
      return s;
  }
  // Last: its presence says that everything else is there.
  return write_config(layout, config);
}

Status prepare_replay(const ClusterConfig& config, const Layout& layout, int64_t now, bool api) {
  if (Status s = make_layout(layout); !s) return s;
  if (api) {
    if (Status s = prepare_certificates(config, layout, now); !s) return s;
  }
  if (Status s = write_bus_config(config, layout); !s) return s;
  return write_config(layout, config);
}

}  // namespace kubus::cli
