#include "bus/nats/test_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "schemas/lib/base/check.h"

namespace kubus::bus {
namespace {

sockaddr_in loopback(uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

uint16_t free_port() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a = loopback(0);
  socklen_t size = sizeof a;
  KUBUS_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&a), size) == 0);
  KUBUS_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0);
  ::close(fd);
  return ntohs(a.sin_port);
}

bool listens(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a = loopback(port);
  bool yes = ::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
  ::close(fd);
  return yes;
}

}  // namespace

TestServer::TestServer(std::vector<BusUser> users, ClusterName cluster) {
  char name[] = "/tmp/kubus-nats-XXXXXX";
  directory_ = ::mkdtemp(name);
  config_.cluster = std::move(cluster);
  config_.port = free_port();
  config_.users = std::move(users);
  start();
}

TestServer::~TestServer() {
  kill();
  std::filesystem::remove_all(directory_);
}

std::string TestServer::url() const {
  return "nats://127.0.0.1:" + std::to_string(config_.port);
}

void TestServer::write_config() {
  std::ofstream(directory_ + "/nats.conf") << render_server_config(config_);
}

void TestServer::start() {
  write_config();
  std::string path = directory_ + "/nats.conf", log = directory_ + "/log";
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execlp("nats-server", "nats-server", "-c", path.c_str(), nullptr);
    ::_exit(127);
  }
  while (!listens(config_.port)) {
    KUBUS_CHECK(::waitpid(pid_, nullptr, WNOHANG) == 0);  // it ended instead of listening
    ::poll(nullptr, 0, 5);
  }
}

void TestServer::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void TestServer::reload(std::vector<BusUser> users) {
  config_.users = std::move(users);
  write_config();
  ::kill(pid_, SIGHUP);
}

}  // namespace kubus::bus
