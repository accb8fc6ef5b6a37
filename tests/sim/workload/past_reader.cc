#include <algorithm>

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"
#include "tests/sim/workload/user.h"

namespace kubus::sim {
namespace {

constexpr uint64_t kAhead = 40;         // revisions that may not be there yet
constexpr uint64_t kBelowHorizon = 60;  // revisions that are known to be gone, and asked for
constexpr uint32_t kShortestPage = 3, kLongestPage = 40;

// Reads the past at random: objects, lists page by page, histories; by revision and by time; below
// the horizon and ahead of the present too. What is answered is judged by the chronicle, as soon as
// that has come so far.
class PastReader : public User {
 public:
  PastReader(Stage& stage, const Step& step, int number)
      : User(stage, "past-reader-" + std::to_string(number), step) {
    start();
  }
  void check_end() override {
    judge_later();
    if (!later_.empty()) wrong("an answer is of a moment that never came");
  }

 private:
  struct Read {
    wire::Verb verb = wire::Verb::Get;
    ObjectKey key;
    Revision at;          // History: none
    int64_t time_ns = 0;  // 0: by revision
    uint32_t limit = 0;
    // What was known when it was sent: of the horizon, and how far the cluster was.
    Revision oldest, known;
    std::string token;
    std::vector<Object> items;  // of the pages so far
    std::string str() const {
      std::string out = verb == wire::Verb::List      ? "list " + key.kind->resource + "/" + key.ns
                        : verb == wire::Verb::History ? "history of " + key.str()
                                                      : "get " + key.str();
      if (at) out += " at " + std::to_string(at.value());
      return time_ns == 0 ? out : out + " by time";
    }
  };
  using Shared = std::shared_ptr<Read>;

  Past& past() { return stage_.past; }
  uint64_t below(uint64_t n) { return ports_.random.below(std::max<uint64_t>(n, 1)); }
  void wrong(const std::string& what) { stage_.story.wrong("past", name_ + ": " + what); }

  // ---- what is asked ----

  void act() override {
    judge_later();
    if (under_way_ > 0 || past().known().value() < 3) return;
    if (below(6) == 0) return ask_horizon({});
    auto read = std::make_shared<Read>();
    choose(read.get());
    if (stage_.story.heard()) stage_.story.tell(name_, read->str());
    send(read);
  }

  void choose(Read* read) {
    uint64_t known = past().known().value();
    uint64_t from = oldest_.value() - std::min(oldest_.value(), kBelowHorizon) + 1;
    uint64_t at = from + below(known - std::min(from, known) + 1);
    read->key = Past::key_of(past().event(Revision(1 + below(known))).event());
    read->oldest = oldest_;
    read->known = Revision(known);
    switch (below(10)) {
      case 0:
        at = known + 1 + below(kAhead);
        break;
      case 1:
      case 2:
      case 3:
        read->verb = wire::Verb::List;
        read->limit = kShortestPage + static_cast<uint32_t>(below(kLongestPage));
        if (below(2) == 0) read->key.ns.clear();
        read->key.name.clear();
        break;
      case 4:
        read->verb = wire::Verb::History;
        return;
      default:
        break;
    }
    read->at = Revision(at);
    if (at < known && below(3) == 0) by_time(read);
  }

  // Some moment before the next change, so that nothing can be added to what was written by then.
  void by_time(Read* read) {
    int64_t time = past().event(read->at)->time(), next = past().event(read->at.next())->time();
    read->time_ns = time + static_cast<int64_t>(below(static_cast<uint64_t>(next - time)));
    read->at = past().at_time(read->time_ns);
    if (read->time_ns < past().event(past().known())->time()) return;
    read->at = Revision(past().known().value() - 1);
    read->time_ns = 0;
  }

  void send(const Shared& read) {
    wire::RequestT request = kit::request_for(read->verb, read->key);
    wire::OperationT& op = *request.operations.front();
    op.continue_token = read->token;
    op.limit = read->limit;
    if (read->time_ns != 0) {
      op.at_time = read->time_ns;
    } else if (read->at) {
      op.revision = read->at.value();
      op.match = wire::ListMatch::Exact;
    }
    ++under_way_;
    client_.call(std::move(request), [this, read](const Result<kit::Answer>& answer) {
      --under_way_;
      Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
      s ? take(read, *answer) : refused(read, s.error());
    });
  }

  // ---- what is answered ----

  void take(const Shared& read, const kit::Answer& answer) {
    const wire::Outcome& outcome = answer.outcome();
    Revision of(outcome.revision());
    if (read->verb == wire::Verb::History)
      return judge(of, [this, read, answer] { judge_history(*read, answer); });
    if (of != read->at)
      return wrong(read->str() + " is answered with what was at " + std::to_string(of.value()));
    if (of < read->oldest)
      return wrong(read->str() + " is answered, though the oldest is " +
                   std::to_string(read->oldest.value()));
    if (read->verb == wire::Verb::Get)
      return judge(of, [this, read, answer] { judge_get(*read, answer); });
    take_page(read, answer);
  }

  void take_page(const Shared& read, const kit::Answer& answer) {
    const auto* items = answer.outcome().items();
    for (size_t i = 0; items && i < items->size(); ++i) {
      const auto* bytes = items->Get(i)->bytes();
      auto object =
          Object::from(*read->key.kind, answer.payload().part({bytes->data(), bytes->size()}));
      if (!object) return wrong(read->str() + " holds what is no object");
      read->items.push_back(*object);
    }
    const auto* token = answer.outcome().continue_token();
    read->token = token ? token->str() : "";
    if (!read->token.empty()) return send(read);
    judge(read->at, [this, read] { judge_list(*read, true); });
  }

  void refused(const Shared& read, const Error& error) {
    bool ahead = !error.causes.empty() && error.causes[0].reason == "ResourceVersionTooLarge";
    if (error.code == Code::kNotFound)
      return judge(read->at, [this, read] { judge_absent(*read); });
    if (error.code == Code::kExpired) {
      if (read->verb == wire::Verb::List) judge_list(*read, false);
      return ask_horizon(read);
    }
    if (ahead) {
      stage_.story.count("refused ahead");
      if (read->at <= read->known) wrong(read->str() + " is refused: " + error.message);
      return;
    }
    if (error.code != Code::kTimeout && error.code != Code::kUnavailable)
      wrong(read->str() + " is refused: " + error.message);
  }

  // `refused`: was told to be below the horizon. It only moves on, so it must be there now as well;
  // and never further than is to be kept.
  void ask_horizon(const Shared& refused) {
    ++under_way_;
    client_.call(kit::events_after_request({}, Revision(UINT64_MAX)),
                 [this, refused](const Result<kit::Answer>& answer) {
                   --under_way_;
                   if (!answer || !kit::status_of(answer->outcome())) return;
                   on_horizon(answer->outcome(), refused);
                 });
  }

  void on_horizon(const wire::Outcome& outcome, const Shared& refused) {
    Revision oldest(outcome.oldest());
    auto told = std::to_string(oldest.value());
    if (oldest < oldest_) wrong("the horizon went back to " + told);
    oldest_ = std::max(oldest_, oldest);
    uint64_t kept = stage_.cluster.spec().keep_revisions;
    if (oldest.value() > 0 && oldest.value() + kept > outcome.revision())
      wrong("the horizon is at " + told + " of " + std::to_string(outcome.revision()) + ", and " +
            std::to_string(kept) + " are to be kept");
    judge_age(oldest);
    if (!refused) return;
    stage_.story.count("expired");
    if (refused->at >= oldest)
      wrong(refused->str() + " is told to be compacted, and the oldest is " + told);
  }

  // Unless somebody turned the clocks.
  void judge_age(Revision oldest) {
    if (!oldest || oldest > past().known() || stage_.cluster.world.counts().count("clock jump") > 0)
      return;
    int64_t age = ports_.clock.wall_ns() - past().event(oldest)->time();
    if (age < stage_.cluster.spec().keep_time.count())
      wrong("revision " + std::to_string(oldest.value()) + " is compacted at an age of " +
            std::to_string(age / 1'000'000) + " ms");
  }

  // ---- what was true ----

  void judge(Revision at, std::function<void()> f) {
    if (at <= past().known()) return f();
    later_.emplace_back(at, std::move(f));
  }
  void judge_later() {
    auto ripe = [this](const auto& l) { return l.first <= past().known(); };
    for (auto& l : later_) {
      if (ripe(l)) l.second();
    }
    std::erase_if(later_, ripe);
  }

  void judge_get(const Read& read, const kit::Answer& answer) {
    stage_.story.count("get");
    const auto* bytes = answer.outcome().object();
    auto object =
        bytes ? Object::from(*read.key.kind, answer.payload().part({bytes->data(), bytes->size()}))
              : std::nullopt;
    if (!object) return wrong(read.str() + " gives no object");
    const auto* then = past().version(read.key, read.at);
    std::string why = then ? differs(*object, *then) : "there was none";
    if (!why.empty()) wrong(read.str() + " is not what was true then: " + why);
  }

  void judge_absent(const Read& read) {
    stage_.story.count("get of nothing");
    if (read.verb == wire::Verb::History) return;  // it went below the horizon
    if (const auto* then = past().version(read.key, read.at))
      wrong(read.str() + " finds nothing, and there was revision " +
            std::to_string(then->revision().value()));
  }

  // Not whole: the pages that were had before the horizon passed.
  void judge_list(const Read& read, bool whole) {
    stage_.story.count("list");
    auto then = past().list(*read.key.kind, read.key.ns, read.at);
    if (whole ? then.size() != read.items.size() : then.size() < read.items.size())
      return wrong(read.str() + " holds " + std::to_string(read.items.size()) + " of " +
                   std::to_string(then.size()));
    for (size_t i = 0; i < read.items.size(); ++i) {
      const Object& object = read.items[i];
      std::string why = object.key() == then[i].first ? differs(object, *then[i].second)
                                                      : "there was " + then[i].first.str();
      if (why.empty()) continue;
      return wrong(read.str() + " is not what was true then: " + object.key().str() + ": " + why);
    }
  }

  // All that the horizon has left, newest first; below it the last state alone.
  void judge_history(const Read& read, const kit::Answer& answer) {
    stage_.story.count("history");
    const wire::Outcome& outcome = answer.outcome();
    const auto* events = outcome.events();
    auto then = past().versions(read.key, Revision(outcome.revision()));
    size_t told = events ? events->size() : 0;
    bool whole = outcome.continue_token() == nullptr || outcome.continue_token()->size() == 0;
    if (told > then.size()) return wrong(read.str() + " has too many versions");
    if (whole && told < then.size() && then[told].value() > outcome.oldest())
      return wrong(read.str() + " lacks revision " + std::to_string(then[told].value()));
    for (size_t i = 0; i < told; ++i) {
      const auto* bytes = events->Get(static_cast<flatbuffers::uoffset_t>(i))->bytes();
      if (!std::ranges::equal(ByteView(bytes->data(), bytes->size()),
                              past().event(then[i]).payload().view()))
        return wrong(read.str() + " has another revision " + std::to_string(then[i].value()));
    }
  }

  Revision oldest_;  // at least that far is the horizon
  std::vector<std::pair<Revision, std::function<void()>>> later_;
};

}  // namespace

std::unique_ptr<User> make_past_reader(Stage& stage, const Step& step, int number) {
  return std::make_unique<PastReader>(stage, step, number);
}

}  // namespace kubus::sim
