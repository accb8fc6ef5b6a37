#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agents/image/image.h"

extern char** environ;

namespace kubus::agents {
namespace {

// CRI looks for images in this namespace of containerd.
constexpr const char* kNamespace = "k8s.io";

struct Ended {
  int status = 0;
  std::string said;  // stdout and stderr together
};

Result<Ended> run(const std::vector<std::string>& argv) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return Error(Code::kInternal, std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
  std::vector<char*> args;
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  pid_t pid = 0;
  int failed = ::posix_spawnp(&pid, args[0], &actions, nullptr, args.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  Ended out;
  std::array<char, 4096> room;
  for (ssize_t n; !failed && (n = ::read(pipe[0], room.data(), room.size())) > 0;)
    out.said.append(room.data(), static_cast<size_t>(n));
  ::close(pipe[0]);
  if (failed)
    return Error(Code::kUnavailable, "cannot run " + argv[0] + ": " + std::strerror(failed));
  while (::waitpid(pid, &out.status, 0) < 0 && errno == EINTR) {
  }
  return out;
}

}  // namespace

Status import_image(const std::string& socket, const std::string& archive_path) {
  if (::access(archive_path.c_str(), R_OK) != 0)
    return Error(Code::kBadRequest, "cannot read " + archive_path + ": " + std::strerror(errno));
  if (::access(socket.c_str(), W_OK) != 0)
    return Error(Code::kUnavailable, "no containerd at " + socket);
  auto ended = run({"ctr", "--address", socket, "--namespace", kNamespace, "images", "import",
                    "--all-platforms", archive_path});
  if (!ended) return ended.error();
  if (WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0) return {};
  while (!ended->said.empty() && ended->said.back() == '\n') ended->said.pop_back();
  return Error(Code::kBadRequest, archive_path + ": " + ended->said);
}

}  // namespace kubus::agents
