// Many outside subscribers, each on a connection of its own with one lane: configmaps in the
// namespaces bench-0, bench-1, … usage:
//   subscribers-load CREDENTIALS COUNT NAMESPACES
// Says "ready" when all are subscribed, and at the end of its standard input how many events came.
// It speaks NATS' text protocol itself: a thousand of libnats' connections would cost a thousand
// threads here, which no outside subscriber costs the cluster.
#include <unistd.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>

#include "bus/host/host.h"
#include "bus/subjects.h"

namespace {

using namespace kubus;
namespace asio = boost::asio;
using asio::ip::tcp;

uint64_t received = 0, lost = 0;

class Subscriber {
 public:
  Subscriber(asio::io_context& loop, const tcp::endpoint& server, const bus::Credentials& c,
             const std::string& pattern)
      : socket_(loop) {
    socket_.connect(server);
    boost::json::object connect{{"user", c.user},       {"pass", c.password}, {"verbose", false},
                                {"pedantic", false},    {"lang", "c++"},      {"version", "1"},
                                {"name", "subscriber"}, {"protocol", 1}};
    std::string hello =
        "CONNECT " + boost::json::serialize(connect) + "\r\nSUB " + pattern + " 1\r\nPING\r\n";
    asio::write(socket_, asio::buffer(hello));
    read();
  }
  bool ready() const { return ready_; }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(chunk_), [this](boost::system::error_code e, size_t n) {
      if (e) {
        ++lost;
        return;
      }
      text_.append(chunk_, n);
      while (take()) {
      }
      text_.erase(0, at_);
      at_ = 0;
      read();
    });
  }

  // One line, and the payload behind it if it announces one. False: not all of it is there.
  bool take() {
    size_t end = text_.find("\r\n", at_);
    if (end == std::string::npos) return false;
    std::string_view line = std::string_view(text_).substr(at_, end - at_);
    size_t next = end + 2;
    if (line.starts_with("MSG ")) {
      next += std::strtoull(line.data() + line.rfind(' ') + 1, nullptr, 10) + 2;
      if (next > text_.size()) return false;
      ++received;
    } else if (line == "PING") {
      asio::write(socket_, asio::buffer("PONG\r\n", 6));
    } else if (line == "PONG") {
      ready_ = true;
    } else if (line.starts_with("-ERR")) {
      std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
      std::exit(1);
    }
    at_ = next;
    return true;
  }

  tcp::socket socket_;
  char chunk_[16384];
  std::string text_;
  size_t at_ = 0;
  bool ready_ = false;
};

tcp::endpoint endpoint_of(asio::io_context& loop, std::string server) {
  server.erase(0, server.find("://") + 3);
  size_t colon = server.rfind(':');
  return *tcp::resolver(loop).resolve(server.substr(0, colon), server.substr(colon + 1)).begin();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  auto credentials = bus::read_credentials(argv[1]);
  if (!credentials) {
    std::fprintf(stderr, "%s\n", credentials.error().message.c_str());
    return 1;
  }
  int count = std::atoi(argv[2]), namespaces = std::max(1, std::atoi(argv[3]));
  asio::io_context loop;
  bus::Subjects subjects{ClusterName(credentials->cluster)};
  tcp::endpoint server = endpoint_of(loop, credentials->servers.front());
  std::vector<std::unique_ptr<Subscriber>> all;
  for (int i = 0; i < count; ++i) {
    bus::LaneId lane{"", "configmaps", "bench-" + std::to_string(i % namespaces), "", ""};
    all.push_back(
        std::make_unique<Subscriber>(loop, server, *credentials, subjects.events_of(lane).str()));
  }
  auto ready = [&] {
    return std::all_of(all.begin(), all.end(), [](const auto& s) { return s->ready(); });
  };
  while (!ready()) loop.run_one();
  std::printf("ready\n");
  std::fflush(stdout);
  asio::posix::stream_descriptor input(loop, ::dup(0));
  char byte;
  std::function<void()> wait = [&] {
    input.async_read_some(asio::buffer(&byte, 1), [&](boost::system::error_code e, size_t) {
      if (e) return loop.stop();
      wait();
    });
  };
  wait();
  loop.run();
  std::printf("{\"received\": %llu, \"lost\": %llu}\n", static_cast<unsigned long long>(received),
              static_cast<unsigned long long>(lost));
  return 0;
}
