// The causal chain around some revisions: what led to them and what they led to, as far as the
// history reaches. Each event names its causes; the index knows the way back.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "schemas/bus/event_generated.h"
#include "services/store/executor/scope.h"
#include "services/store/executor/words.h"
#include "services/store/state/event_builder.h"

namespace kubus::store {
namespace {

constexpr size_t kMostEvents = 1000, kMostLooks = 4000, kMostBytes = 512 * 1024;

class Tracer {
 public:
  explicit Tracer(Scope& s)
      : s_(s),
        view_(s.env.state.committed()),
        most_(std::min<size_t>(s.op.limit() == 0 ? kMostEvents : s.op.limit(), kMostEvents)) {}

  Status run() {
    for (uint64_t revision : *s_.op.revisions()) {
      if (revision > view_.revision().value()) {
        return Error(Code::kBadRequest, "revision " + std::to_string(revision) +
                                            " lies ahead; the present is " +
                                            std::to_string(view_.revision().value()));
      }
      start_.insert(revision);
    }
    if (s_.op.backward()) walk(&Tracer::causes_of);
    if (s_.op.forward()) walk(&Tracer::effects_of);
    if (!s_.op.backward() && !s_.op.forward()) walk(&Tracer::nothing_of);
    for (auto& [revision, event] : found_) s_.out->events.push_back(std::move(event));
    s_.out->revision = view_.revision();
    s_.out->oldest = view_.compacted();
    return {};
  }

 private:
  using Next = std::vector<uint64_t> (Tracer::*)(uint64_t, const wire::Event&);

  // Breadth first, so that a bound cuts what is farthest.
  void walk(Next next) {
    std::deque<uint64_t> todo(start_.begin(), start_.end());
    std::set<uint64_t> seen = start_;
    for (size_t looks = 0; !todo.empty() && looks < kMostLooks; ++looks) {
      uint64_t revision = todo.front();
      todo.pop_front();
      Payload bytes = view_.event(Revision(revision));
      if (bytes.empty()) continue;
      const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
      if (!take(revision, *event, bytes)) return;
      for (uint64_t other : (this->*next)(revision, *event)) {
        if (seen.insert(other).second) todo.push_back(other);
      }
    }
  }

  std::vector<uint64_t> causes_of(uint64_t, const wire::Event& event) {
    if (event.cause() == nullptr || event.cause()->revisions() == nullptr) return {};
    return {event.cause()->revisions()->begin(), event.cause()->revisions()->end()};
  }
  std::vector<uint64_t> effects_of(uint64_t revision, const wire::Event&) {
    std::vector<uint64_t> out;
    for (Revision r : view_.effects(Revision(revision), kMostEvents)) out.push_back(r.value());
    return out;
  }
  std::vector<uint64_t> nothing_of(uint64_t, const wire::Event&) { return {}; }

  // False: there is room for no more. What the caller may not read is passed over, and yet walked
  // through: chains lead across kinds.
  bool take(uint64_t revision, const wire::Event& event, const Payload& bytes) {
    if (found_.contains(revision)) return true;
    if (found_.size() >= most_ || bytes_ >= kMostBytes) return false;
    if (!may_read(event)) return true;
    Payload out = s_.op.without_objects() ? Payload(without_object(bytes.view())) : bytes;
    bytes_ += out.size();
    found_.emplace(revision, std::move(out));
    return true;
  }

  bool may_read(const wire::Event& event) const {
    Access access;
    access.actor = s_.caller.actor;
    access.identity = s_.caller.identity;
    access.verb = "history";
    access.kind =
        schema::Registry::get().by_resource(text_of(event.group()), text_of(event.resource()));
    access.ns = text_of(event.namespace_());
    access.name = text_of(event.name());
    access.past = true;
    return access.kind != nullptr && s_.env.authorizer.authorize(access, view_).ok();
  }

  Scope& s_;
  View view_;
  size_t most_, bytes_ = 0;
  std::set<uint64_t> start_;
  std::map<uint64_t, Payload> found_;
};

}  // namespace

Status run_trace(Scope& s) {
  if (s.op.revisions() == nullptr || s.op.revisions()->size() == 0 ||
      s.op.revisions()->size() > kMostEvents)
    return Error(Code::kBadRequest,
                 "a trace begins at 1 to " + std::to_string(kMostEvents) + " revisions");
  return Tracer(s).run();
}

}  // namespace kubus::store
