#include "agents/kubelet/probes/edge/socket_network.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <optional>

namespace kubus::kubelet {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers each connection with one text; "" : with silence.
class Server {
 public:
  explicit Server(asio::io_context& loop)
      : loop_(loop), acceptor_(loop, {asio::ip::make_address("127.0.0.1"), 0}) {
    accept();
  }
  int port() const { return acceptor_.local_endpoint().port(); }

  std::string answer, seen;

 private:
  void accept() {
    auto socket = std::make_shared<tcp::socket>(loop_);
    acceptor_.async_accept(*socket, [this, socket](boost::system::error_code e) {
      if (e) return;
      sockets_.push_back(socket);
      read(socket);
      accept();
    });
  }
  void read(const std::shared_ptr<tcp::socket>& socket) {
    auto text = std::make_shared<std::string>();
    asio::async_read_until(*socket, asio::dynamic_buffer(*text), "\r\n\r\n",
                           [this, socket, text](boost::system::error_code e, size_t) {
                             if (e) return;
                             seen = *text;
                             if (answer.empty()) return;
                             boost::system::error_code ignored;
                             asio::write(*socket, asio::buffer(answer), ignored);
                             socket->close();
                           });
  }

  asio::io_context& loop_;
  tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<tcp::socket>> sockets_;
};

class SocketNetworkTest : public testing::Test {
 protected:
  template <class T>
  T wait(std::optional<T>& out) {
    while (!out) loop_.run_one();
    return *out;
  }
  Result<HttpAnswer> get(HttpGet request, milliseconds timeout = seconds(30)) {
    std::optional<Result<HttpAnswer>> out;
    if (request.host.empty()) request.host = "127.0.0.1";
    if (request.port == 0) request.port = server_.port();
    network_->get(request, timeout, [&](Result<HttpAnswer> r) {
      EXPECT_FALSE(out);
      out = std::move(r);
    });
    EXPECT_FALSE(out);
    return wait(out);
  }
  Status connect(int port) {
    std::optional<Status> out;
    network_->connect("127.0.0.1", port, seconds(30), [&](Status s) { out = s; });
    return wait(out);
  }
  int closed_port() {
    tcp::acceptor brief(loop_, {asio::ip::make_address("127.0.0.1"), 0});
    return brief.local_endpoint().port();
  }

  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
  Server server_{loop_};
  std::unique_ptr<Network> network_ = make_socket_network(
      loop_, [this](std::function<void()> f) { asio::post(loop_, std::move(f)); });
};

TEST_F(SocketNetworkTest, AsksAsAProbeDoes) {
  server_.answer = "HTTP/1.1 204 No Content\r\n\r\n";
  auto answer = get({.path = "/ready?x=1", .headers = {{"X-One", "1"}, {"Host", "web.example"}}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(server_.seen.rfind("GET /ready?x=1 HTTP/1.1\r\n", 0), 0u);
  for (const char* line : {"Host: web.example\r\n", "X-One: 1\r\n", "User-Agent: kube-probe/",
                           "Connection: close\r\n"})
    EXPECT_NE(server_.seen.find(line), std::string::npos) << line << server_.seen;
}

TEST_F(SocketNetworkTest, TellsWhereARedirectLeads) {
  server_.answer = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
  auto answer = get({.path = "/"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->location, "/there");
}

TEST_F(SocketNetworkTest, ALongBodyIsNotWaitedFor) {
  server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\nbegin";
  auto answer = get({.path = "/"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST_F(SocketNetworkTest, SilenceEndsAtTheTimeout) {
  auto answer = get({.path = "/"}, milliseconds(50));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
}

TEST_F(SocketNetworkTest, NonsenseIsAnError) {
  for (std::string text : {std::string("hello\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\n"),
                           "HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x') + "\r\n\r\n"}) {
    server_.answer = text;
    EXPECT_FALSE(get({.path = "/"})) << text.substr(0, 40);
  }
  EXPECT_FALSE(get({.tls = true, .path = "/"}, milliseconds(50)));
  EXPECT_FALSE(get({.host = "no such host", .path = "/"}));
}

TEST_F(SocketNetworkTest, ConnectsOrSaysWhyNot) {
  EXPECT_TRUE(connect(server_.port()));
  Status refused = connect(closed_port());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "connect: Connection refused");
}

TEST_F(SocketNetworkTest, NothingIsToldAfterItsEnd) {
  bool told = false;
  network_->get({.host = "127.0.0.1", .port = server_.port(), .path = "/"}, milliseconds(20),
                [&](const Result<HttpAnswer>&) { told = true; });
  network_.reset();
  work_.reset();
  loop_.run_for(milliseconds(200));
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace kubus::kubelet
