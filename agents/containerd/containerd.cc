#include "agents/containerd/containerd.h"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string_view>

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

std::string replaced(std::string text, std::string_view from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string config_text(const std::string& dir) {
  constexpr const char* kText = R"(version = 2
root = "@/root"
state = "@/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
  "io.containerd.internal.v1.restart"]

[grpc]
  address = "@SOCKET"

[plugins."io.containerd.internal.v1.opt"]
  path = "@/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "@PAUSE"
  # A process may not lower its OOM score on machines that withhold the capability.
  restrict_oom_score_adj = true
  disable_tcp_service = true
  # Exec, attach and port-forward are served to this machine's kubelet alone.
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "@/cni"
    conf_template = "@/network.template"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "@/runc"
)";
  return replaced(
      replaced(replaced(kText, "@SOCKET", containerd_socket(dir)), "@PAUSE", kPauseImage), "@",
      dir);
}

// containerd fills in the node's range when its kubelet tells it. The network is named after the
// bridge: rules and addresses that it leaves behind are known by that.
std::string network_template(const std::string& dir) {
  constexpr const char* kText = R"({
  "cniVersion": "0.4.0",
  "name": "@BRIDGE",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "@BRIDGE",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "dataDir": "@/addresses",
        "ranges": [[{ "subnet": "{{.PodCIDR}}" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
)";
  return replaced(replaced(kText, "@BRIDGE", bridge_name(dir)), "@", dir);
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

Status prepare_containerd(const std::string& dir, const std::string&, const std::string&) {
  std::error_code code;
  for (const char* sub : {"/root", "/state", "/cni", "/opt", "/runc"}) {
    fs::create_directories(dir + sub, code);
    if (code) return Error(Code::kInternal, "cannot make " + dir + sub + ": " + code.message());
  }
  if (Status s = write(dir + "/network.template", network_template(dir)); !s) return s;
  return write(dir + "/config.toml", config_text(dir));
}

}  // namespace kubus::agents
