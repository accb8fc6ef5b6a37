#include "agents/containerd/containerd.h"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace kubus::agents {
namespace {

namespace fs = std::filesystem;

// Unix socket paths hold 107 bytes; a deep directory gets its socket under /run.
constexpr size_t kMostSocketPath = 100;

std::string short_hash(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  static const char* kHex = "0123456789abcdef";
  std::string out;
  for (int i = 0; i < 4; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

Status write(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::trunc);
  out << content;
  out.flush();
  return out ? Status() : Status(Error(Code::kInternal, "cannot write " + path));
}

std::string config_text(const std::string& dir) {
  return "version = 2\n"
         "root = \"" +
         dir +
         "/root\"\n"
         "state = \"" +
         dir +
         "/state\"\n"
         "disabled_plugins = [\"io.containerd.snapshotter.v1.btrfs\", "
         "\"io.containerd.snapshotter.v1.zfs\", "
         "\"io.containerd.snapshotter.v1.devmapper\", \"io.containerd.snapshotter.v1.aufs\", "
         "\"io.containerd.tracing.processor.v1.otlp\", \"io.containerd.internal.v1.tracing\"]\n\n"
         "[grpc]\n  address = \"" +
         containerd_socket(dir) +
         "\"\n\n"
         "[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"" +
         dir +
         "/opt\"\n\n"
         "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
         "  sandbox_image = \"" +
         kPauseImage +
         "\"\n"
         // The process may not lower its OOM score on machines that withhold the capability.
         "  restrict_oom_score_adj = true\n"
         "  disable_tcp_service = true\n"
         "  [plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
         "    bin_dir = \"/usr/lib/cni\"\n"
         "    conf_dir = \"" +
         dir +
         "/cni\"\n"
         "  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
         "    runtime_type = \"io.containerd.runc.v2\"\n";
}

// The first /24 of the range: what a single node uses until it is given its own.
std::string node_range(const std::string& pod_cidr) {
  std::string address = pod_cidr.substr(0, pod_cidr.find('/'));
  return address.substr(0, address.rfind('.')) + ".0/24";
}

std::string network_text(const std::string& dir, const std::string& cluster,
                         const std::string& pod_cidr) {
  return "{\n"
         "  \"cniVersion\": \"0.4.0\",\n"
         "  \"name\": \"kubus-" +
         cluster +
         "\",\n"
         "  \"plugins\": [\n"
         "    {\n"
         "      \"type\": \"bridge\",\n"
         "      \"bridge\": \"" +
         bridge_name(dir) +
         "\",\n"
         "      \"isGateway\": true,\n"
         "      \"ipMasq\": true,\n"
         "      \"hairpinMode\": true,\n"
         "      \"ipam\": {\n"
         "        \"type\": \"host-local\",\n"
         "        \"dataDir\": \"" +
         dir +
         "/addresses\",\n"
         "        \"ranges\": [[{ \"subnet\": \"" +
         node_range(pod_cidr) +
         "\" }]],\n"
         "        \"routes\": [{ \"dst\": \"0.0.0.0/0\" }]\n"
         "      }\n"
         "    },\n"
         "    { \"type\": \"portmap\", \"capabilities\": { \"portMappings\": true } }\n"
         "  ]\n"
         "}\n";
}

}  // namespace

std::string bridge_name(const std::string& dir) {
  return "kb" + short_hash(dir);
}

std::string containerd_socket(const std::string& dir) {
  std::string path = dir + "/containerd.sock";
  // containerd puts ".ttrpc" behind it.
  return path.size() <= kMostSocketPath ? path : "/run/kubus-" + short_hash(dir) + ".sock";
}

std::vector<std::string> containerd_command(const std::string& dir) {
  return {"containerd", "--config", dir + "/config.toml", "--log-level", "warn"};
}

Status prepare_containerd(const std::string& dir, const std::string& cluster,
                          const std::string& pod_cidr) {
  std::error_code code;
  for (const char* sub : {"/root", "/state", "/cni", "/opt"}) {
    fs::create_directories(dir + sub, code);
    if (code) return Error(Code::kInternal, "cannot make " + dir + sub + ": " + code.message());
  }
  if (Status s = write(dir + "/config.toml", config_text(dir)); !s) return s;
  return write(dir + "/cni/10-kubus.conflist", network_text(dir, cluster, pod_cidr));
}

}  // namespace kubus::agents
