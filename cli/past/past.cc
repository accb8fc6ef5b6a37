#include "cli/past/past.h"

#include <algorithm>
#include <set>

#include "bus/kit/requests.h"
#include "cli/output/event_text.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

constexpr size_t kMostAtOnce = 1000;  // the store's own bound
constexpr size_t kObjectsAtOnce = 100;

Status take_events(const kit::Answer& answer, std::vector<kit::EventView>* out) {
  const auto* events = answer.outcome().events();
  for (size_t i = 0; events && i < events->size(); ++i) {
    const auto* bytes = events->Get(i)->bytes();
    if (!bytes) continue;
    auto event = kit::EventView::from(answer.payload().part({bytes->data(), bytes->size()}));
    if (!event) return Error(Code::kInternal, "the store sent a malformed event");
    out->push_back(*std::move(event));
  }
  return {};
}

// What is wanted of all that was read so far; true: nothing older can be.
bool cut(const VersionsWanted& wanted, std::vector<kit::EventView>* events) {
  size_t keep = 0;
  while (keep < events->size() && (*events)[keep].revision() > wanted.after &&
         (wanted.limit == 0 || keep < wanted.limit))
    ++keep;
  bool enough = keep < events->size() ||
                (wanted.limit != 0 && keep >= wanted.limit && !wanted.with_one_before);
  if (wanted.with_one_before && keep < events->size()) ++keep;
  if (enough) events->resize(keep);
  return enough;
}

}  // namespace

Result<std::vector<kit::EventView>> versions_of(Session& session, const ObjectKey& key,
                                                const VersionsWanted& wanted) {
  std::vector<kit::EventView> out;
  std::string token;
  uint64_t before = wanted.to ? wanted.to.value() + 1 : 0;
  do {
    wire::RequestT request = kit::request_for(wire::Verb::History, key);
    request.operations[0]->continue_token = token;
    request.operations[0]->revision = before;
    auto answer = session.call(std::move(request));
    if (!answer) return answer.error();
    if (Status s = take_events(*answer, &out); !s) return s.error();
    if (cut(wanted, &out)) return out;
    const auto* next = answer->outcome().continue_token();
    token = next ? next->str() : "";
  } while (!token.empty());
  return out;
}

Result<std::vector<kit::EventView>> trace(Session& session, const std::vector<uint64_t>& revisions,
                                          Walk walk) {
  std::vector<kit::EventView> out;
  for (size_t begin = 0; begin < revisions.size(); begin += kMostAtOnce) {
    wire::RequestT request;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Trace;
    op->revisions.assign(
        revisions.begin() + static_cast<long>(begin),
        revisions.begin() + static_cast<long>(std::min(begin + kMostAtOnce, revisions.size())));
    op->backward = walk.backward;
    op->forward = walk.forward;
    op->without_objects = !walk.objects;
    request.operations.push_back(std::move(op));
    auto answer = session.call(std::move(request));
    if (!answer) return answer.error();
    if (Status s = take_events(*answer, &out); !s) return s.error();
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.revision() < b.revision(); });
  auto twice = std::unique(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.revision() == b.revision();
  });
  out.erase(twice, out.end());
  return out;
}

// A page holds what fits; the rest is asked for again.
Result<std::vector<kit::EventView>> with_objects(Session& session,
                                                 const std::vector<uint64_t>& revisions) {
  std::vector<kit::EventView> out;
  std::vector<uint64_t> left = revisions;
  while (!left.empty()) {
    std::vector<uint64_t> now(
        left.begin(), left.begin() + static_cast<long>(std::min(left.size(), kObjectsAtOnce)));
    auto part = trace(session, now, {.objects = true});
    if (!part) return part.error();
    uint64_t last = part->empty() ? now.back() : part->back().revision().value();
    // In order of revision; a page that is full ends before what was asked for does.
    bool full = part->size() < now.size() && !part->empty();
    out.insert(out.end(), part->begin(), part->end());
    std::erase_if(left, [&](uint64_t r) { return r <= (full ? last : now.back()); });
  }
  return out;
}

boost::json::value value_of(const kit::EventView& event, bool deleted) {
  auto object = event.object();
  if (!object || (event->type() == wire::EventType::Deleted && !deleted)) return {};
  return codec::to_value(object->kind(), object->bytes());
}

const schema::KindInfo* kind_of(const kit::EventView& event) {
  auto text = [](const flatbuffers::String* s) { return s ? s->string_view() : ""; };
  return schema::Registry::get().by_resource(text(event->group()), text(event->resource()));
}

std::vector<uint64_t> causes_of(const kit::EventView& event) {
  if (!event->cause() || !event->cause()->revisions()) return {};
  return {event->cause()->revisions()->begin(), event->cause()->revisions()->end()};
}

bool is_purged(const kit::EventView& event) {
  return event->purged() != nullptr && event->purged()->size() > 0;
}

Result<std::map<uint64_t, std::string>> causes_told(Session& session,
                                                    const std::vector<kit::EventView>& events) {
  std::set<uint64_t> causes;
  for (const kit::EventView& e : events) {
    for (uint64_t cause : causes_of(e)) causes.insert(cause);
  }
  std::map<uint64_t, std::string> out;
  auto found = trace(session, {causes.begin(), causes.end()}, {});
  if (!found) return found.error();
  for (const kit::EventView& e : *found) out[e.revision().value()] = short_line(e);
  return out;
}

Result<boost::json::value> present(Session& session, const ObjectKey& key) {
  auto object = session.get(key);
  if (object) return codec::to_value(object->kind(), object->bytes());
  if (object.error().code == Code::kNotFound) return boost::json::value();
  return object.error();
}

Result<ObjectKey> one_object(const Invocation& call, const char* verb) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  if (selections->size() != 1 || selections->front().names.size() != 1) {
    return Error(Code::kBadRequest,
                 std::string("name one object, as in `kubus ") + verb + " deployment/shop`");
  }
  return selections->front().key(selections->front().names[0]);
}

Status needs_content(const schema::KindInfo& kind) {
  if (!kind.confidential) return {};
  return Error(Code::kBadRequest, "what " + kind.resource +
                                      " hold does not ride on events; `kubus history` says when "
                                      "which of their fields changed");
}

}  // namespace kubus::cli
