#include "cli/supervisor/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/cluster/files.h"

namespace kubus::cli {
namespace {

int64_t now_ms() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

// A child that ran this long is taken to be well: its next restart starts from the shortest delay
// again.
constexpr int64_t kWellAfterMs = 10'000;

[[noreturn]] void become(const ChildSpec& spec, const std::string& log, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the supervisor died before the line above
  int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
  int in = ::open("/dev/null", O_RDONLY);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  for (const auto& [key, value] : spec.environment) setenv(key.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& a : spec.argv) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "signal " + std::to_string(WTERMSIG(wait_status));
  return "exit code " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options) : options_(std::move(options)) {}

Supervisor::~Supervisor() {
  if (signal_fd_ >= 0) ::close(signal_fd_);
}

Status Supervisor::run(const std::vector<ChildSpec>& children) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int s : {SIGCHLD, SIGHUP, SIGTERM, SIGINT}) sigaddset(&signals, s);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd_ < 0) return Error(Code::kInternal, std::string("signalfd: ") + strerror(errno));
  for (const ChildSpec& spec : children) {
    children_.push_back({.spec = spec});
    start(children_.back());
  }
  write_status();
  while (!stopping_ ||
         std::any_of(children_.begin(), children_.end(), [](auto& c) { return c.pid != 0; })) {
    pollfd p{signal_fd_, POLLIN, 0};
    ::poll(&p, 1, next_timeout_ms());
    signalfd_siginfo info{};
    while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP) {
        on_reload();
      } else if (info.ssi_signo != SIGCHLD) {
        stopping_ = true;
      }
    }
    reap();
    if (stopping_) {
      stop_step();
    } else {
      start_due();
    }
  }
  return {};
}

void Supervisor::start(Child& child) {
  std::string log = options_.log_directory + "/" + child.spec.name + ".log";
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) become(child.spec, log, parent);
  child.started_ms = now_ms();
  if (pid < 0) {
    child.last_end = std::string("fork: ") + strerror(errno);
    child.start_at_ms = child.started_ms + options_.backoff_most_ms;
    return;
  }
  child.pid = pid;
}

void Supervisor::start_due() {
  int64_t now = now_ms();
  bool any = false;
  for (Child& child : children_) {
    if (child.leaving) stop(child);
    if (child.pid != 0 || child.leaving || child.start_at_ms > now) continue;
    ++child.restarts;
    start(child);
    any = true;
  }
  any = std::erase_if(children_, [](const Child& c) { return c.leaving && c.pid == 0; }) > 0 || any;
  if (any) write_status();
}

void Supervisor::reap() {
  int wait_status = 0;
  while (pid_t pid = ::waitpid(-1, &wait_status, WNOHANG)) {
    if (pid < 0) return;
    for (Child& child : children_) {
      if (child.pid == pid) on_end(child, wait_status);
    }
  }
}

void Supervisor::on_end(Child& child, int wait_status) {
  int64_t now = now_ms();
  bool was_well = now - child.started_ms >= kWellAfterMs;
  child.pid = 0;
  child.last_end = describe_end(wait_status);
  child.backoff_ms = was_well || child.backoff_ms == 0
                         ? options_.backoff_first_ms
                         : std::min(child.backoff_ms * 2, options_.backoff_most_ms);
  child.start_at_ms = now + child.backoff_ms;
  child.kill_at_ms = 0;
  if (!stopping_ && !child.leaving) {
    std::fprintf(stderr, "%s ended (%s); starting it again in %lld ms\n", child.spec.name.c_str(),
                 child.last_end.c_str(), static_cast<long long>(child.backoff_ms));
  }
  write_status();
}

// Stops the last child that lives; earlier ones (the bus, the store) stay up for those that are
// still going down.
void Supervisor::stop_step() {
  auto last =
      std::find_if(children_.rbegin(), children_.rend(), [](auto& c) { return c.pid != 0; });
  if (last != children_.rend()) stop(*last);
}

// Asks it to end, once; makes it when its time is over.
void Supervisor::stop(Child& child) {
  if (child.pid == 0) return;
  int64_t now = now_ms();
  if (child.kill_at_ms == 0) {
    child.kill_at_ms = now + child.spec.stop_seconds * 1000;
    ::kill(child.pid, SIGTERM);
  } else if (now >= child.kill_at_ms) {
    ::kill(child.pid, SIGKILL);
  }
}

void Supervisor::on_reload() {
  std::vector<ChildSpec> specs =
      options_.reload && !stopping_ ? options_.reload() : std::vector<ChildSpec>();
  if (specs.empty()) return;
  for (Child& child : children_) {
    auto spec = std::find_if(specs.begin(), specs.end(),
                             [&](const ChildSpec& s) { return s.name == child.spec.name; });
    child.leaving = spec == specs.end();
    if (child.leaving) continue;
    // Other arguments: it ends and is started with them.
    int signal = spec->argv == child.spec.argv ? spec->reload_signal : SIGTERM;
    child.spec = *spec;
    if (child.pid != 0 && signal != 0) ::kill(child.pid, signal);
    specs.erase(spec);
  }
  for (const ChildSpec& spec : specs) {
    children_.push_back({.spec = spec});
    start(children_.back());
  }
  write_status();
}

int Supervisor::next_timeout_ms() const {
  constexpr int64_t kIdle = 60'000;
  int64_t now = now_ms();
  int64_t wait = kIdle;
  for (const Child& child : children_) {
    if (!stopping_ && child.pid == 0) wait = std::min(wait, child.start_at_ms - now);
    if (child.pid != 0 && child.kill_at_ms != 0) wait = std::min(wait, child.kill_at_ms - now);
  }
  return static_cast<int>(std::clamp<int64_t>(wait, 1, kIdle));
}

void Supervisor::write_status() const {
  boost::json::array list;
  for (const Child& child : children_) {
    list.push_back({{"name", child.spec.name},
                    {"pid", child.pid},
                    {"restarts", child.restarts},
                    {"lastEnd", child.last_end}});
  }
  boost::json::object status{{"pid", getpid()}, {"components", std::move(list)}};
  if (Status s = write_file(options_.status_file, boost::json::serialize(status)); !s) {
    std::fprintf(stderr, "%s\n", s.error().message.c_str());
  }
}

pid_t lock_owner(const std::string& lock_file) {
  int fd = ::open(lock_file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return 0;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  bool asked = ::fcntl(fd, F_GETLK, &lock) == 0;
  ::close(fd);
  return asked && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

Status take_lock(const std::string& lock_file) {
  // Held until the process ends: the descriptor is never closed.
  int fd = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Error(Code::kInternal, "cannot open " + lock_file + ": " + strerror(errno));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_SETLK, &lock) == 0) return {};
  ::close(fd);
  return Error(Code::kConflict,
               "this cluster is already run by process " + std::to_string(lock_owner(lock_file)));
}

}  // namespace kubus::cli
