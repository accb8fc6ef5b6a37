// A whole history at once into one subscriber: pages of records as they are kept, several asked for
// ahead, taken in order. usage:
//   replay-load CREDENTIALS [count|events|chain] [ROUNDS]
// count: each record is looked at; events: each event is made whole again, of deltas too, and its
// revision compared; chain: and all are followed along the chain of hashes. Prints one JSON line.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>

#include "bus/archive/file/tracker.h"
#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;

constexpr uint64_t kChunk = 4096;  // revisions asked for in one go
constexpr size_t kAhead = 4;
constexpr uint32_t kPageBytes = 2 << 20;

enum class Mode { kCount, kEvents, kChain };

class Replay {
 public:
  Replay(bus::Host& host, kit::Client& client, Mode mode)
      : host_(host), client_(client), mode_(mode) {}

  bool run() {
    ask(0, "", [this](const wire::Outcome& first) {
      base_ = Revision(first.oldest());
      last_ = Revision(first.revision());
      at_ = next_ = base_.value();
      archive::Chain chain{};
      if (first.chain() != nullptr) std::memcpy(chain.data(), first.chain()->data(), chain.size());
      tracker_.emplace(mode_ == Mode::kChain ? base_ : Revision(UINT64_MAX), chain);
      began_ = now_ns();
      more();
    });
    host_.run();
    return !failed_;
  }
  uint64_t count() const { return count_; }
  uint64_t bytes() const { return bytes_; }
  int64_t elapsed_ns() const { return elapsed_ns_; }

 private:
  struct Page {
    std::optional<kit::Answer> answer;
    uint64_t to = 0;
  };

  void ask(uint64_t to, const std::string& token, std::function<void(const wire::Outcome&)> done) {
    ask_whole(to, token, [done = std::move(done)](const kit::Answer& a) { done(a.outcome()); });
  }
  void ask_whole(uint64_t to, const std::string& token,
                 std::function<void(const kit::Answer&)> done) {
    wire::RequestT request;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Archive;
    op->revision = to;
    op->with_secrets = true;
    op->max_bytes = kPageBytes;
    op->continue_token = token;
    request.operations.push_back(std::move(op));
    client_.call(std::move(request), [this, done = std::move(done)](Result<kit::Answer> answer) {
      Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
      if (!s) return fail(s.error().message);
      done(*answer);
    });
  }

  void more() {
    while (next_ < last_.value() && pages_.size() < kAhead) {
      uint64_t from = next_, to = std::min(next_ + kChunk, last_.value());
      next_ = to;
      pages_[from].to = to;
      fetch(from, from);
    }
    if (pages_.empty()) finish();
  }

  // A chunk that does not fit into one page is asked for again from where the page ended.
  void fetch(uint64_t key, uint64_t after) {
    ask_whole(pages_[key].to, std::to_string(after), [this, key](const kit::Answer& answer) {
      pages_[key].answer = answer;
      while (!pages_.empty() && pages_.begin()->second.answer) take_first();
      if (!failed_) more();
    });
  }

  void take_first() {
    auto first = pages_.begin();
    kit::Answer answer = *std::move(first->second.answer);
    uint64_t key = first->first, to = first->second.to;
    first->second.answer.reset();
    take(answer.outcome().archive());
    const auto* token = answer.outcome().continue_token();
    if (failed_) return;
    if (token != nullptr && token->size() > 0) {
      fetch(key, std::strtoull(token->c_str(), nullptr, 10));
      return;
    }
    if (at_ != to) fail("revisions are missing behind " + std::to_string(at_));
    pages_.erase(first);
  }

  void take(const flatbuffers::Vector<uint8_t>* bytes) {
    if (bytes == nullptr) return;
    bytes_ += bytes->size();
    archive::Entries entries({bytes->data(), bytes->size()});
    while (auto entry = entries.next()) {
      if (entry->revision != ++at_) return fail("out of order at " + std::to_string(at_));
      ++count_;
      if (mode_ == Mode::kCount) continue;
      if (!tracker_->add(*entry)) return fail("malformed at " + std::to_string(at_));
      if (flatbuffers::GetRoot<wire::Event>(tracker_->event().data())->revision() != at_)
        return fail("another event at " + std::to_string(at_));
    }
    if (entries.bad()) fail("a malformed page behind " + std::to_string(at_));
  }

  void finish() {
    elapsed_ns_ = now_ns() - began_;
    host_.stop(0);
  }
  void fail(const std::string& why) {
    std::fprintf(stderr, "replay-load: %s\n", why.c_str());
    failed_ = true;
    host_.stop(1);
  }

  bus::Host& host_;
  kit::Client& client_;
  Mode mode_;
  Revision base_, last_;
  std::optional<archive::ChainTracker> tracker_;
  std::map<uint64_t, Page> pages_;  // by the revision before them
  uint64_t next_ = 0, at_ = 0, count_ = 0, bytes_ = 0;
  int64_t began_ = 0, elapsed_ns_ = 0;
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: replay-load CREDENTIALS [count|events|chain]\n"), 2;
  std::string word = argc > 2 ? argv[2] : "count";
  Mode mode = word == "chain" ? Mode::kChain : word == "events" ? Mode::kEvents : Mode::kCount;
  int rounds = argc > 3 ? std::atoi(argv[3]) : 1;
  auto credentials = bus::read_credentials(argv[1]);
  if (!credentials) return std::fprintf(stderr, "%s\n", credentials.error().message.c_str()), 2;
  bus::Host host(
      {.component = "replay-load", .credentials = *credentials, .log_level = bus::Level::kError});
  kit::Client client(host.ports(), {ClusterName(credentials->cluster), Actor(credentials->actor)});
  uint64_t count = 0, bytes = 0;
  int64_t elapsed = 0;
  for (int i = 0; i < rounds; ++i) {
    Replay replay(host, client, mode);
    if (!replay.run()) return 1;
    count += replay.count();
    bytes += replay.bytes();
    elapsed += replay.elapsed_ns();
  }
  std::printf("{\"mode\": \"%s\", \"per_s\": %.0f, \"count\": %llu, \"bytes_per_event\": %.0f}\n",
              word.c_str(), static_cast<double>(count) * 1e9 / static_cast<double>(elapsed),
              static_cast<unsigned long long>(count),
              static_cast<double>(bytes) / static_cast<double>(std::max<uint64_t>(count, 1)));
  return 0;
}
