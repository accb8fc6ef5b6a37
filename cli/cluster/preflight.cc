#include "cli/cluster/preflight.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/cluster/files.h"

namespace kubus::cli {
namespace {

constexpr uint64_t kLeastFreeBytes = uint64_t{256} << 20;

void need_program(const char* name, const char* package, std::vector<Finding>* out) {
  if (!find_program(name).empty()) return;
  out->push_back(
      {std::string(name) + " is not installed", std::string("apt-get install ") + package});
}

bool kernel_has_filesystem(const std::string& name) {
  std::ifstream in("/proc/filesystems");
  for (std::string line; std::getline(in, line);) {
    if (line.size() >= name.size() && line.substr(line.size() - name.size()) == name) return true;
  }
  return false;
}

void check_node(std::vector<Finding>* out) {
  if (geteuid() != 0) {
    out->push_back({"running containers needs root",
                    "run as root, or `kubus up --no-node` for a control plane alone"});
  }
  need_program("containerd", "containerd", out);
  need_program("runc", "runc", out);
  need_program("ctr", "containerd", out);
  for (const char* plugin : {"bridge", "host-local", "portmap", "loopback"}) {
    if (!exists(std::string("/usr/lib/cni/") + plugin)) {
      out->push_back({std::string("the CNI plugin ") + plugin + " is not in /usr/lib/cni",
                      "apt-get install containernetworking-plugins"});
      break;
    }
  }
  if (!kernel_has_filesystem("overlay")) {
    out->push_back({"the kernel offers no overlay file system", "modprobe overlay"});
  }
}

}  // namespace

std::vector<Finding> check_machine(const ClusterConfig& config, const Layout& layout) {
  std::vector<Finding> out;
  need_program("nats-server", "nats-server", &out);
  for (const char* own : {"kubus-store", "kubus-gateway", "kubus-scheduler"}) {
    if (find_program(own).empty()) {
      out.push_back({std::string(own) + " is not beside this program",
                     "build Kubus whole: cmake --build --preset release"});
    }
  }
  if (!config.node.empty() && config.runtime_endpoint.empty()) check_node(&out);
  struct statvfs disk {};
  std::string parent = layout.dir;
  while (!exists(parent) && parent.size() > 1)
    parent = std::filesystem::path(parent).parent_path().string();
  if (::statvfs(parent.c_str(), &disk) == 0 &&
      uint64_t{disk.f_bavail} * disk.f_frsize < kLeastFreeBytes) {
    out.push_back({"less than 256 MiB are free below " + parent,
                   "make room, or choose another --state directory"});
  }
  return out;
}

uint16_t free_port(const std::string& address, uint16_t preferred) {
  for (uint16_t port : {preferred, uint16_t{0}}) {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &a.sin_addr);
    socklen_t size = sizeof a;
    bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&a), size) == 0 &&
                 ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0;
    ::close(fd);
    if (bound) return ntohs(a.sin_port);
  }
  return 0;
}

uint16_t free_port(const std::string& a, const std::string& b, uint16_t preferred) {
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i) {
    uint16_t port = free_port(a, i == 0 ? preferred : uint16_t{0});
    if (port == 0 || a == b || free_port(b, port) == port) return port;
  }
  return 0;
}

bool listens(const std::string& address, uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &a.sin_addr);
  bool yes = ::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
  ::close(fd);
  return yes;
}

std::string primary_address() {
  // Nothing is sent: connecting a datagram socket only looks up the route.
  constexpr const char* kElsewhere = "192.0.2.1";
  int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return "";
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(9);
  inet_pton(AF_INET, kElsewhere, &a.sin_addr);
  socklen_t size = sizeof a;
  bool routed = ::connect(fd, reinterpret_cast<sockaddr*>(&a), size) == 0 &&
                ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0;
  ::close(fd);
  char text[INET_ADDRSTRLEN] = "";
  if (routed) inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
  return text;
}

std::string find_program(const std::string& name) {
  std::error_code code;
  auto self = std::filesystem::read_symlink("/proc/self/exe", code);
  if (!code) {
    std::string beside = (self.parent_path() / name).string();
    if (::access(beside.c_str(), X_OK) == 0) return beside;
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  std::string all;
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/"}) {
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return "";
}

}  // namespace kubus::cli
