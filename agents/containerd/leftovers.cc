#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
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

#include "agents/containerd/leftovers.h"

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

// Runs a program to its end, with `input` as its standard input; gives its output if asked.
int run(const std::vector<std::string>& argv, const std::string& input = "",
        std::string* output = nullptr) {
  int in = ::memfd_create("input", MFD_CLOEXEC), out = ::memfd_create("output", MFD_CLOEXEC);
  bool prepared = in >= 0 && out >= 0 &&
                  ::write(in, input.data(), input.size()) == static_cast<ssize_t>(input.size()) &&
                  ::lseek(in, 0, SEEK_SET) == 0;
  pid_t pid = prepared ? ::fork() : -1;
  if (pid == 0) {
    ::dup2(in, 0);
    if (output) ::dup2(out, 1);
    std::vector<char*> args;
    for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
    args.push_back(nullptr);
    ::execvp(args[0], args.data());
    ::_exit(127);
  }
  int status = -1;
  if (pid > 0) ::waitpid(pid, &status, 0);
  if (output) *output = read_all("/proc/self/fd/" + std::to_string(out));
  ::close(in);
  ::close(out);
  return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 128;
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

// Address translation that the network's plugins had no chance to take back.
void remove_rules(const std::string& network) {
  std::string saved;
  if (run({"iptables-save", "-t", "nat"}, "", &saved) != 0) return;
  std::string undo = undo_rules(saved, network);
  if (!undo.empty()) run({"iptables-restore", "--noflush"}, undo);
}

// The plugins' own notes about the network, and the shims' sockets.
void remove_traces(const std::string& dir, const std::string& network) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/var/lib/cni/results", code)) {
    if (entry.path().filename().string().rfind(network + "-", 0) == 0)
      ::unlink(entry.path().c_str());
  }
  std::string tasks = dir + "/state/io.containerd.runtime.v2.task/k8s.io";
  for (const auto& entry : fs::directory_iterator(tasks, code)) {
    std::string address = read_all(entry.path().string() + "/address");
    if (address.rfind("unix://", 0) == 0) ::unlink(address.substr(7).c_str());
  }
}

}  // namespace

// Chains that all networks share; the others belong to one Pod.
std::string undo_rules(const std::string& saved, const std::string& network) {
  std::set<std::string> chains,
      shared = {"CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"};
  auto own = [&](const std::string& chain) {
    return chain.rfind("CNI-", 0) == 0 && !shared.count(chain);
  };
  std::string rules, mark = "name: \\\"" + network + "\\\" id:";
  std::istringstream in(saved);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("-A ", 0) != 0 || line.find(mark) == std::string::npos) continue;
    std::string chain = line.substr(3, line.find(' ', 3) - 3);
    size_t jump = line.rfind(" -j ");
    std::string target = jump == std::string::npos ? "" : line.substr(jump + 4);
    target = target.substr(0, target.find(' '));
    if (own(target)) chains.insert(target);
    if (own(chain)) {
      chains.insert(chain);
    } else {
      rules += "-D " + line.substr(3) + "\n";
    }
  }
  if (rules.empty() && chains.empty()) return "";
  for (const std::string& chain : chains) rules += "-F " + chain + "\n";
  for (const std::string& chain : chains) rules += "-X " + chain + "\n";
  return "*nat\n" + rules + "COMMIT\n";
}

Status unmount_below(const std::string& dir) {
  for (const std::string& point : mounts_below(dir)) {
    if (::umount2(point.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT)
      return Error(Code::kInternal, "cannot unmount " + point + ": " + std::strerror(errno));
  }
  return {};
}

Status remove_leftovers(const std::string& dir, const std::string&) {
  std::set<pid_t> processes = our_processes(containerd_socket(dir));
  std::set<ino_t> namespaces = namespaces_of(processes);
  for (pid_t pid : processes) kill_and_wait(pid);
  if (Status s = unmount_below(dir); !s) return s;
  remove_namespaces(namespaces);
  std::string bridge = bridge_name(dir);
  if (::if_nametoindex(bridge.c_str()) != 0 && run({"ip", "link", "delete", bridge}) != 0) {
    return Error(Code::kInternal, "cannot remove the bridge " + bridge);
  }
  remove_rules(bridge);
  remove_traces(dir, bridge);
  std::error_code code;
  for (const char* sub : {"/addresses", "/state", "/runc"}) fs::remove_all(dir + sub, code);
  ::unlink(containerd_socket(dir).c_str());
  return {};
}

}  // namespace kubus::agents
