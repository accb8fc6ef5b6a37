#include "services/store/executor/replies.h"

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/error_codes.h"

namespace kubus::store {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// A message grows no further once it has so many bytes of bodies.
constexpr size_t kMessageBytes = 512 * 1024;

class Writer {
 public:
  explicit Writer(FlatBufferBuilder& b) : b_(b) {}

  Offset<wire::Reply> reply(const ReplyData& r) {
    auto id = text(r.id);
    auto failed = r.failure ? failure(*r.failure) : Offset<wire::Failure>();
    std::vector<Offset<wire::Outcome>> outcomes;
    outcomes.reserve(r.outcomes.size());
    for (const OutcomeData& o : r.outcomes) outcomes.push_back(outcome(o));
    auto all = b_.CreateVector(outcomes);
    wire::ReplyBuilder out(b_);
    out.add_id(id);
    out.add_failure(failed);
    out.add_outcomes(all);
    out.add_time_ms(r.time_ms);
    return out.Finish();
  }

 private:
  Offset<flatbuffers::String> text(std::string_view s) {
    return s.empty() ? Offset<flatbuffers::String>() : b_.CreateString(s.data(), s.size());
  }

  Offset<flatbuffers::Vector<uint8_t>> nested(const Payload& p) {
    if (p.empty()) return {};
    b_.ForceVectorAlignment(p.size(), 1, 8);
    return b_.CreateVector(p.data(), p.size());
  }

  Offset<wire::Failure> failure(const Error& e) {
    std::vector<Offset<wire::ErrorCause>> causes;
    for (const Cause& c : e.causes)
      causes.push_back(wire::CreateErrorCause(b_, text(c.reason), text(c.message), text(c.field)));
    auto all = causes.empty() ? 0 : b_.CreateVector(causes);
    auto reason = text(status_reason(e.code)), message = text(e.message);
    wire::FailureBuilder out(b_);
    out.add_reason(reason);
    out.add_message(message);
    out.add_causes(all);
    if (e.retry_after_seconds) out.add_retry_after_seconds(*e.retry_after_seconds);
    return out.Finish();
  }

  Offset<flatbuffers::Vector<Offset<wire::Bytes>>> many(const std::vector<Payload>& payloads) {
    if (payloads.empty()) return {};
    std::vector<Offset<wire::Bytes>> out;
    out.reserve(payloads.size());
    for (const Payload& p : payloads) out.push_back(wire::CreateBytes(b_, nested(p)));
    return b_.CreateVector(out);
  }

  Offset<wire::LaneHead> lane_head(const std::pair<Lane, Revision>& head) {
    const Lane& l = head.first;
    auto group = text(l.kind ? l.kind->group : ""), resource = text(l.kind ? l.kind->resource : "");
    auto lane = wire::CreateLane(b_, group, resource, text(l.ns), text(l.name), text(l.node));
    return wire::CreateLaneHead(b_, lane, head.second.value());
  }

  Offset<wire::Ticket> ticket(const OutcomeData& o) {
    if (!o.ticket) return {};
    const OutcomeData::Ticket& t = *o.ticket;
    return wire::CreateTicket(b_, text(t.endpoint), text(t.server_key), text(t.client_key),
                              text(t.client_secret), text(t.id));
  }

  Offset<wire::Refusal> refusal(const AuditEntry& e) {
    return wire::CreateRefusal(b_, e.sequence, e.time_ns, e.last_time_ns, e.count, text(e.actor),
                               text(e.user), text(e.source), text(e.request_id),
                               static_cast<wire::Verb>(e.verb), text(e.group), text(e.resource),
                               text(e.ns), text(e.name), text(e.subresource), text(e.reason),
                               text(e.message));
  }

  Offset<wire::Outcome> outcome(const OutcomeData& o) {
    auto failed = o.failure ? failure(*o.failure) : Offset<wire::Failure>();
    auto object = nested(o.object);
    auto items = many(o.items), events = many(o.events);
    auto token = text(o.continue_token);
    auto warnings = o.warnings.empty() ? 0 : b_.CreateVectorOfStrings(o.warnings);
    std::vector<Offset<wire::LaneHead>> heads;
    for (const auto& head : o.heads) heads.push_back(lane_head(head));
    auto pass = ticket(o);
    auto archive = nested(o.archive), chain = nested(o.chain);
    std::vector<Offset<wire::Refusal>> refused;
    for (const AuditEntry& e : o.refusals) refused.push_back(refusal(e));
    auto refusals = refused.empty() ? 0 : b_.CreateVector(refused);
    auto all_heads = heads.empty() ? 0 : b_.CreateVector(heads);
    wire::OutcomeBuilder out(b_);
    out.add_failure(failed);
    out.add_revision(o.revision.value());
    out.add_object(object);
    out.add_items(items);
    out.add_continue_token(token);
    if (o.remaining) out.add_remaining(*o.remaining);
    out.add_warnings(warnings);
    out.add_events(events);
    out.add_head(o.head.value());
    out.add_heads(all_heads);
    out.add_ticket(pass);
    out.add_created(o.created);
    out.add_gone(o.gone);
    out.add_repeated(o.repeated);
    out.add_archive(archive);
    out.add_chain(chain);
    out.add_oldest(o.oldest.value());
    out.add_count(o.count);
    out.add_refusals(refusals);
    return out.Finish();
  }

  FlatBufferBuilder& b_;
};

}  // namespace

size_t OutcomeData::bytes() const {
  size_t n = 128 + object.size() + archive.size();
  for (const Payload& p : items) n += p.size() + 24;
  for (const Payload& p : events) n += p.size() + 24;
  for (const AuditEntry& e : refusals) n += e.bytes();
  return n;
}

void OutcomeData::strip() {
  object = Payload();
  if (items.empty() && events.empty() && archive.empty()) return;
  archive = Payload();
  items.clear();
  events.clear();
  failure = Error(Code::kTooLarge, "the answer is larger than a message may be: ask for less");
}

size_t ReplyData::bytes() const {
  size_t n = 64;
  for (const OutcomeData& o : outcomes) n += o.bytes();
  return n;
}

void Replier::add(const std::string& to, ReplyData reply) {
  if (to.empty()) return;
  auto [at, fresh] = index_.emplace(to, waiting_.size());
  if (fresh) waiting_.emplace_back(to, std::vector<ReplyData>());
  waiting_[at->second].second.push_back(std::move(reply));
}

void Replier::refuse(const std::string& to, std::string id, Error error) {
  add(to, ReplyData{std::move(id), std::move(error), {}});
}

void Replier::flush() {
  auto waiting = std::move(waiting_);
  waiting_.clear();
  index_.clear();
  for (auto& [to, replies] : waiting) {
    size_t begin = 0, bytes = 0;
    for (size_t i = 0; i < replies.size(); ++i) {
      size_t more = replies[i].bytes();
      if (i > begin && bytes + more > kMessageBytes) {
        send(to, replies, begin, i);
        begin = i;
        bytes = 0;
      }
      bytes += more;
    }
    send(to, replies, begin, replies.size());
  }
}

void Replier::send(const std::string& to, std::vector<ReplyData>& replies, size_t begin,
                   size_t end) {
  static thread_local FlatBufferBuilder builder(64 * 1024);
  for (bool stripped : {false, true}) {
    builder.Clear();
    Writer writer(builder);
    std::vector<Offset<wire::Reply>> all;
    for (size_t i = begin; i < end; ++i) {
      for (OutcomeData& o : replies[i].outcomes) {
        if (stripped) o.strip();
      }
      all.push_back(writer.reply(replies[i]));
    }
    builder.Finish(wire::CreateReplies(builder, builder.CreateVector(all)));
    if (builder.GetSize() <= bus_.max_payload()) break;
  }
  ByteView bytes(builder.GetBufferPointer(), builder.GetSize());
  if (bus_.publish(bus::Subject::received(to), bytes)) return;
  lost_ += end - begin;
  log_.debug("a reply could not be sent; its request will come again");
}

}  // namespace kubus::store
