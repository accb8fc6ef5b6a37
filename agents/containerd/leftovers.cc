#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "agents/containerd/containerd.h"

namespace kubus::agents {
namespace {

namespace fs = std::filesystem;

constexpr int kLongestEndMs = 5000;

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::set<pid_t> all_processes() {
  std::set<pid_t> out;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/proc", code)) {
    std::string name = entry.path().filename();
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos)
      out.insert(std::stoi(name));
  }
  return out;
}

pid_t parent_of(pid_t pid) {
  std::string stat = read_all("/proc/" + std::to_string(pid) + "/stat");
  size_t end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream rest(stat.substr(end + 2));
  char state = 0;
  pid_t parent = 0;
  rest >> state >> parent;
  return parent;
}

// Shims are started with the socket of the containerd that they belong to.
bool is_our_shim(pid_t pid, const std::string& socket) {
  std::string command = read_all("/proc/" + std::to_string(pid) + "/cmdline");
  return command.find("containerd-shim-runc-v2") != std::string::npos &&
         command.find(socket) != std::string::npos;
}

// The shims and everything below them.
std::set<pid_t> our_processes(const std::string& socket) {
  std::set<pid_t> ours, all = all_processes();
  for (pid_t pid : all) {
    if (is_our_shim(pid, socket)) ours.insert(pid);
  }
  for (bool grew = true; grew;) {
    grew = false;
    for (pid_t pid : all) {
      if (!ours.count(pid) && ours.count(parent_of(pid))) grew = ours.insert(pid).second || grew;
    }
  }
  return ours;
}

void kill_and_wait(pid_t pid) {
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return;
  ::syscall(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0);
  pollfd p{fd, POLLIN, 0};
  ::poll(&p, 1, kLongestEndMs);
  ::close(fd);
}

// Where something is mounted at or below a directory, deepest first.
std::vector<std::string> mounts_below(const std::string& dir) {
  std::vector<std::string> out;
  std::ifstream in("/proc/self/mounts");
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string device, point;
    fields >> device >> point;
    if (point == dir || point.rfind(dir + "/", 0) == 0) out.push_back(point);
  }
  std::sort(out.rbegin(), out.rend());
  return out;
}

int run(const std::vector<std::string>& argv) {
  pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> args;
    for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
    args.push_back(nullptr);
    ::execvp(args[0], args.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

ino_t inode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

// The network namespaces that our processes live in, apart from our own.
std::set<ino_t> namespaces_of(const std::set<pid_t>& processes) {
  std::set<ino_t> out;
  for (pid_t pid : processes) out.insert(inode_of("/proc/" + std::to_string(pid) + "/ns/net"));
  out.erase(0);
  out.erase(inode_of("/proc/self/ns/net"));
  return out;
}

// containerd keeps each sandbox's namespace mounted under this directory.
void remove_namespaces(const std::set<ino_t>& ours) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/var/run/netns", code)) {
    std::string path = entry.path();
    if (!ours.count(inode_of(path))) continue;
    ::umount2(path.c_str(), MNT_DETACH);
    ::unlink(path.c_str());
  }
}

}  // namespace

Status remove_leftovers(const std::string& dir, const std::string&) {
  std::set<pid_t> processes = our_processes(containerd_socket(dir));
  std::set<ino_t> namespaces = namespaces_of(processes);
  for (pid_t pid : processes) kill_and_wait(pid);
  for (const std::string& point : mounts_below(dir)) {
    if (::umount2(point.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
      return Error(Code::kInternal, "cannot unmount " + point + ": " + std::strerror(errno));
    }
  }
  remove_namespaces(namespaces);
  std::string bridge = bridge_name(dir);
  if (::if_nametoindex(bridge.c_str()) != 0 && run({"ip", "link", "delete", bridge}) != 0) {
    return Error(Code::kInternal, "cannot remove the bridge " + bridge);
  }
  std::error_code code;
  fs::remove_all(dir + "/addresses", code);
  fs::remove_all(dir + "/state", code);
  ::unlink(containerd_socket(dir).c_str());
  return {};
}

}  // namespace kubus::agents
