#include "tests/sim/cluster/exchange.h"

namespace kubus::sim {
namespace {

class SimExchange : public gateway::Exchange {
 public:
  SimExchange(gateway::HttpRequest request, std::weak_ptr<Call> call)
      : request_(std::move(request)), call_(std::move(call)) {}
  ~SimExchange() override { finish(); }

  const gateway::HttpRequest& request() const override { return request_; }
  void set_peer(gateway::Peer peer) override { request_.peer = std::move(peer); }
  void respond(int status, std::string_view, std::string body, gateway::Headers) override {
    if (auto call = call_.lock()) call->status = status, call->body += body;
    finish();
  }
  void start_stream(int status, std::string_view, gateway::Headers) override {
    if (auto call = call_.lock()) call->status = status;
  }
  void write(std::shared_ptr<const std::string> chunk) override {
    if (auto call = call_.lock()) call->body += *chunk;
  }
  size_t queued_bytes() const override { return 0; }
  void on_room(std::function<void()>) override {}
  void finish() override {
    if (auto call = call_.lock()) call->over = true;
  }
  std::shared_ptr<gateway::WebSocket> upgrade(std::string_view) override { return nullptr; }
  void on_gone(std::function<void()> f) override {
    if (auto call = call_.lock()) call->gone = std::move(f);
  }

 private:
  gateway::HttpRequest request_;
  std::weak_ptr<Call> call_;
};

}  // namespace

std::shared_ptr<Call> get(std::function<void(std::shared_ptr<gateway::Exchange>)> handle,
                          std::string path,
                          std::multimap<std::string, std::string, std::less<>> query) {
  gateway::HttpRequest request;
  gateway::parse_target(path, &request);
  request.method = "GET";
  request.query = std::move(query);
  request.peer = {"reader", {"system:masters"}};
  auto call = std::make_shared<Call>();
  handle(std::make_shared<SimExchange>(std::move(request), call));
  return call;
}

}  // namespace kubus::sim
