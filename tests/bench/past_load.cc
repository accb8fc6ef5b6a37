// Reads of the past of many Pods through the bus, one after the other, at random points between the
// horizon and now. usage:
//   past-load CREDENTIALS [ROUNDS]
// get: one Pod; list: 500 Pods of all from a random point on; why: what led to a Pod's last change
// and what it led to, as `kubus why` asks. Prints one JSON line, milliseconds.
#include <cstdlib>
#include <functional>

#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "bus/kit/requests.h"
#include "schemas/bus/envelope_generated.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;

constexpr uint32_t kListed = 500;

struct Pod {
  std::string ns, name;
  Revision last;
};

class Reader {
 public:
  explicit Reader(const bus::Credentials& credentials)
      : host_({.component = "bench", .credentials = credentials, .log_level = bus::Level::kError}),
        client_(host_.ports(), {ClusterName(credentials.cluster), Actor(credentials.actor)}) {}

  // The Pods of now, and how far the past reaches.
  void learn() {
    kit::Page page;
    do {
      std::optional<Result<kit::Page>> got;
      client_.list(pods(), "", "", "", kListed, page.continue_token, [&](Result<kit::Page> p) {
        got.emplace(std::move(p));
        host_.stop();
      });
      host_.run();
      if (!*got) end((*got).error());
      page = *std::move(*got);
      for (const Object& o : page.items)
        pods_.push_back({std::string(o.ns()), std::string(o.name()), o.revision()});
    } while (!page.continue_token.empty());
    kit::Answer bounds = ask(kit::events_after_request({}, Revision(UINT64_MAX)));
    oldest_ = bounds.outcome().oldest();
    newest_ = bounds.outcome().revision();
    if (pods_.empty() || oldest_ >= newest_)
      end(Error(Code::kNotFound, "there is no past of Pods"));
  }
  size_t size() const { return pods_.size(); }
  uint64_t revisions() const { return newest_ - oldest_; }

  void get_at() {
    const Pod& pod = any();
    wire::RequestT request = kit::request_for(wire::Verb::Get, {&pods(), pod.ns, pod.name});
    request.operations[0]->revision = somewhen();
    ask(std::move(request), true);
  }
  void list_at() {
    wire::RequestT request = kit::request_for(wire::Verb::List, {&pods(), "", ""});
    request.operations[0]->revision = somewhen();
    request.operations[0]->match = wire::ListMatch::Exact;
    request.operations[0]->limit = kListed;
    ask(std::move(request));
  }
  void why() {
    wire::RequestT request;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Trace;
    op->revisions = {any().last.value()};
    op->backward = op->forward = op->without_objects = true;
    request.operations.push_back(std::move(op));
    kit::Answer answer = ask(std::move(request));
    const auto* events = answer.outcome().events();
    links_ += events != nullptr ? events->size() : 0;
  }
  uint64_t links() const { return links_; }

 private:
  static const schema::KindInfo& pods() { return *schema::Registry::get().by_resource("", "pods"); }
  const Pod& any() { return pods_[host_.ports().random.below(pods_.size())]; }
  uint64_t somewhen() { return oldest_ + 1 + host_.ports().random.below(newest_ - oldest_); }

  // `or_none`: that it did not exist then is an answer too.
  kit::Answer ask(wire::RequestT request, bool or_none = false) {
    std::optional<Result<kit::Answer>> got;
    client_.call(std::move(request), [&](Result<kit::Answer> answer) {
      got.emplace(std::move(answer));
      host_.stop();
    });
    host_.run();
    if (!*got) end((*got).error());
    Status s = kit::status_of((*got)->outcome());
    if (!s && !(or_none && s.error().code == Code::kNotFound)) end(s.error());
    return **std::move(got);
  }
  [[noreturn]] static void end(const Error& error) {
    std::fprintf(stderr, "past-load: %s\n", error.message.c_str());
    std::exit(1);
  }

  bus::Host host_;
  kit::Client client_;
  std::vector<Pod> pods_;
  uint64_t oldest_ = 0, newest_ = 0, links_ = 0;
};

template <class F>
std::vector<int64_t> timed(int rounds, F&& once) {
  std::vector<int64_t> out;
  for (int i = 0; i < rounds; ++i) {
    int64_t began = now_ns();
    once();
    out.push_back(now_ns() - began);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return 2;
  auto credentials = bus::read_credentials(argv[1]);
  if (!credentials) {
    std::fprintf(stderr, "%s\n", credentials.error().message.c_str());
    return 1;
  }
  int rounds = argc == 3 ? std::max(std::atoi(argv[2]), 1) : 2000;
  Reader reader(*credentials);
  reader.learn();
  auto get = timed(rounds, [&] { reader.get_at(); });
  auto list = timed(rounds / 10 + 1, [&] { reader.list_at(); });
  auto why = timed(rounds / 10 + 1, [&] { reader.why(); });
  std::printf(
      "{\"pods\": %zu, \"revisions\": %llu, \"get_at_ms\": {\"p50\": %.3f, \"p99\": %.3f}, ",
      reader.size(), static_cast<unsigned long long>(reader.revisions()), percentile_ms(get, 0.5),
      percentile_ms(get, 0.99));
  std::printf(
      "\"list_at_ms\": {\"p50\": %.3f, \"p99\": %.3f}, \"why_ms\": {\"p50\": %.3f, \"p99\": "
      "%.3f}, \"why_links\": %.1f}\n",
      percentile_ms(list, 0.5), percentile_ms(list, 0.99), percentile_ms(why, 0.5),
      percentile_ms(why, 0.99),
      static_cast<double>(reader.links()) / static_cast<double>(why.size()));
  return 0;
}
