#include "services/bridge/http/beast_client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include "bus/host/loop_clock.h"

namespace kubus::bridge {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

// A server on a free port that answers with what it is told: "" hangs up without a word.
class Server {
 public:
  explicit Server(asio::io_context& loop)
      : acceptor_(loop, {asio::ip::make_address("127.0.0.1"), 0}) {
    accept();
  }
  std::string url(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + target;
  }
  // Closes what is open, as a server that restarts does.
  void drop_all() {
    error_code ignored;
    for (auto& s : sessions_) s->socket.close(ignored);
    sessions_.clear();
  }

  std::function<std::string(const http::request<http::string_body>&)> answer;
  size_t connections = 0;

 private:
  struct Session {
    explicit Session(tcp::socket s) : socket(std::move(s)) {}
    tcp::socket socket;
    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    std::string out;
  };
  void accept() {
    acceptor_.async_accept([this](error_code code, tcp::socket socket) {
      if (code) return;
      ++connections;
      sessions_.push_back(std::make_shared<Session>(std::move(socket)));
      read(sessions_.back());
      accept();
    });
  }
  void read(std::shared_ptr<Session> s) {
    s->request = {};
    http::async_read(s->socket, s->buffer, s->request, [this, s](error_code code, size_t) {
      if (code) return;
      s->out = answer(s->request);
      error_code ignored;
      if (s->out.empty()) return void(s->socket.close(ignored));
      asio::async_write(s->socket, asio::buffer(s->out), [this, s](error_code failed, size_t) {
        if (!failed) read(s);
      });
    });
  }
  tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<Session>> sessions_;
};

struct BeastClientTest : ::testing::Test {
  BeastClientTest() : server(loop), clock(loop) {
    client = std::move(make_http_client(loop, clock, {}).value());
    server.answer = [](const auto&) { return "HTTP/1.1 204 No Content\r\n\r\n"; };
  }
  Result<HttpAnswer> post(HttpPost request) {
    std::optional<Result<HttpAnswer>> out;
    client->post(std::move(request), [&](Result<HttpAnswer> r) { out = std::move(r); });
    EXPECT_FALSE(out);
    loop.restart();
    while (!out && loop.run_one() > 0) {
    }
    return *out;
  }
  HttpPost to(const std::string& target, const std::string& body = "{}") {
    return {
        .url = *parse_url(server.url(target)), .body = body, .timeout = std::chrono::seconds(5)};
  }

  asio::io_context loop;
  Server server;
  bus::LoopClock clock;
  std::unique_ptr<HttpClient> client;
};

TEST_F(BeastClientTest, SendsWhatItIsTold) {
  http::request<http::string_body> seen;
  server.answer = [&](const auto& request) {
    seen = request;
    return "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow";
  };
  HttpPost request = to("/in?x=1", "hello");
  request.headers = {{"X-Team", "a"}};
  auto answer = post(request);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->retry_after_seconds, 7);
  EXPECT_EQ(answer->text, "slow");
  EXPECT_EQ(seen.target(), "/in?x=1");
  EXPECT_EQ(seen["X-Team"], "a");
  EXPECT_EQ(seen.body(), "hello");
  EXPECT_EQ(seen.method(), http::verb::post);
}

TEST_F(BeastClientTest, KeepsTheConnectionAndForgivesOneThatWasClosed) {
  EXPECT_TRUE(post(to("/")).ok());
  EXPECT_TRUE(post(to("/")).ok());
  EXPECT_EQ(server.connections, 1u);
  server.drop_all();
  EXPECT_TRUE(post(to("/")).ok());
  EXPECT_EQ(server.connections, 2u);
}

TEST_F(BeastClientTest, ASilentServerIsGivenUp) {
  server.answer = [](const auto&) { return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"; };
  HttpPost request = to("/");
  request.timeout = std::chrono::milliseconds(50);
  auto answer = post(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Code::kTimeout);
}

TEST_F(BeastClientTest, NobodyThereIsAnError) {
  server.answer = [](const auto&) { return std::string(); };
  EXPECT_FALSE(post(to("/")).ok());
  auto url = parse_url("http://127.0.0.1:1/");
  EXPECT_FALSE(post({.url = *url, .body = "x"}).ok());
}

TEST_F(BeastClientTest, ALongAnswerIsNotReadToItsEnd) {
  server.answer = [](const auto&) {
    std::string body(200'000, 'x');
    return "HTTP/1.1 500 No\r\nContent-Length: 200000\r\n\r\n" + body;
  };
  auto answer = post(to("/"));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 500);
}

TEST_F(BeastClientTest, TheTokenIsReadEachTime) {
  std::string seen, path = ::testing::TempDir() + "kubus-bridge-token";
  server.answer = [&](const auto& request) {
    seen = std::string(request[http::field::authorization]);
    return "HTTP/1.1 204 No Content\r\n\r\n";
  };
  HttpPost request = to("/");
  request.token_file = path;
  std::ofstream(path) << "one\n";
  EXPECT_TRUE(post(request).ok());
  EXPECT_EQ(seen, "Bearer one");
  std::ofstream(path) << "two\n";
  EXPECT_TRUE(post(request).ok());
  EXPECT_EQ(seen, "Bearer two");
  std::ofstream(path) << "a\r\nX: b\n";
  EXPECT_FALSE(post(request).ok());
  std::filesystem::remove(path);
  EXPECT_FALSE(post(request).ok());
}

TEST_F(BeastClientTest, NothingIsToldAfterItsEnd) {
  bool told = false;
  client->post(to("/"), [&](const auto&) { told = true; });
  client.reset();
  loop.restart();
  loop.run_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(told);
}

TEST_F(BeastClientTest, ATlsServerMustProveItself) {
  HttpPost request = to("/");
  request.url.tls = true;  // and it speaks none
  request.timeout = std::chrono::milliseconds(200);
  EXPECT_FALSE(post(request).ok());
  EXPECT_FALSE(make_http_client(loop, clock, {.ca_file = "/none"}).ok());
}

}  // namespace
}  // namespace kubus::bridge
