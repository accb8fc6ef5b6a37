#include "cli/past/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "cli/cluster/preflight.h"

namespace kubus::cli {
namespace {

constexpr int kPatienceMs = 3000, kLookMs = 20;

std::vector<char*> pointers(const std::vector<std::string>& argv) {
  std::vector<char*> out;
  for (const std::string& a : argv) out.push_back(const_cast<char*>(a.c_str()));
  out.push_back(nullptr);
  return out;
}

Error cannot(const char* what) {
  return Error(Code::kUnavailable, std::string(what) + ": " + std::strerror(errno));
}

// Only what may be called between fork and exec in a process with threads.
[[noreturn]] void become(char* const* argv, int in, int out, int err) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execv(argv[0], argv);
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Child>> Child::start(const std::vector<std::string>& argv,
                                            const std::string& log) {
  std::string name = argv[0].substr(argv[0].rfind('/') + 1);
  if (argv[0].empty())
    return Error(Code::kUnavailable, "a program is missing: is Kubus built whole?");
  int output[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return cannot("pipe");
  int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::vector<char*> args = pointers(argv);
  pid_t parent = ::getpid(), pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    become(args.data(), nothing, output[1], err);
  }
  for (int fd : {nothing, err, output[1]}) ::close(fd);
  if (pid < 0) {
    ::close(output[0]);
    return cannot("fork");
  }
  return std::unique_ptr<Child>(new Child(std::move(name), log, pid, output[0]));
}

Child::Child(std::string name, std::string log, pid_t pid, int output)
    : name_(std::move(name)), log_(std::move(log)), pid_(pid), output_(output) {}

Child::~Child() {
  ::close(output_);
  if (!runs()) return;
  ::kill(pid_, SIGTERM);
  for (int waited = 0; waited < kPatienceMs && runs(); waited += kLookMs)
    ::poll(nullptr, 0, kLookMs);
  if (!runs()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::runs() {
  constexpr int kSignal = 128;
  int status = 0;
  if (pid_ != 0 && ::waitpid(pid_, &status, WNOHANG) != 0) {
    pid_ = 0;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : kSignal + WTERMSIG(status);
  }
  return pid_ != 0;
}

Result<std::string> Child::line() {
  std::string text;
  char c = 0;
  while (true) {
    ssize_t got = ::read(output_, &c, 1);
    if (got < 0 && errno == EINTR) return Error(Code::kTimeout, "interrupted");
    if (got <= 0) break;
    if (c == '\n') return text;
    text += c;
  }
  return Error(Code::kUnavailable, last_words());
}

std::string Child::last_words() const {
  std::ifstream in(log_);
  std::string last, prefix = name_ + ": ", said;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) last = line;
    if (line.starts_with(prefix)) said = line.substr(prefix.size());
  }
  if (!said.empty()) return said;  // other lines are its log
  return last.empty() ? name_ + " ended" : last;
}

Result<std::unique_ptr<Sweeper>> Sweeper::start(const std::string& directory) {
  std::vector<std::string> argv{find_program("kubus-replay"), "--sweep", directory};
  if (argv[0].empty()) return Error(Code::kUnavailable, "kubus-replay is not beside this program");
  int alive[2];
  if (::pipe2(alive, O_CLOEXEC) != 0) return cannot("pipe");
  int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  std::vector<char*> args = pointers(argv);
  pid_t pid = ::fork();
  if (pid == 0) become(args.data(), alive[0], nothing, nothing);
  ::close(alive[0]);
  ::close(nothing);
  if (pid < 0) {
    ::close(alive[1]);
    return cannot("fork");
  }
  return std::unique_ptr<Sweeper>(new Sweeper(pid, alive[1]));
}

Sweeper::~Sweeper() {
  ::close(alive_);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace kubus::cli
