#include "cli/decode/payload.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>

#include "bus/kit/feed.h"
#include "cli/decode/request_json.h"
#include "cli/output/event_text.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr size_t kMostAsked = 10'000;  // requests whose kinds are remembered
constexpr std::array<std::string_view, 6> kForms = {"event",   "head",    "request",
                                                    "replies", "command", "text"};

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : "";
}

template <class T>
const T* verified(ByteView payload) {
  flatbuffers::Verifier verifier(payload.data(), payload.size());
  if (payload.empty() || !verifier.VerifyBuffer<T>(nullptr)) return nullptr;
  return flatbuffers::GetRoot<T>(payload.data());
}

json::object lane_json(const wire::Lane* lane) {
  json::object out;
  if (lane == nullptr) return out;
  auto put = [&](const char* key, const flatbuffers::String* s) {
    if (!text(s).empty()) out[key] = text(s);
  };
  put("group", lane->group());
  put("resource", lane->resource());
  put("namespace", lane->namespace_());
  put("name", lane->name());
  put("node", lane->node());
  return out;
}

std::optional<json::value> as_head(ByteView payload) {
  const auto* head = verified<wire::Head>(payload);
  if (head == nullptr || head->lane() == nullptr || head->revision() == 0) return std::nullopt;
  return json::object{{"lane", lane_json(head->lane())}, {"revision", head->revision()}};
}

// The key of a stream is for the kubelet alone.
std::optional<json::value> as_command(ByteView payload) {
  const auto* c = verified<wire::StreamCommand>(payload);
  if (c == nullptr || text(c->operation()).empty()) return std::nullopt;
  return json::object{{"operation", text(c->operation())}, {"namespace", text(c->namespace_())},
                      {"name", text(c->name())},           {"uid", text(c->uid())},
                      {"container", text(c->container())}, {"user", text(c->user())},
                      {"ticket", text(c->ticket())}};
}

json::value failure_json(const wire::Failure& f) {
  json::object out{{"reason", text(f.reason())}, {"message", text(f.message())}};
  json::array causes;
  for (size_t i = 0; f.causes() != nullptr && i < f.causes()->size(); ++i) {
    const wire::ErrorCause* c = f.causes()->Get(i);
    causes.push_back(json::object{{"reason", text(c->reason())},
                                  {"message", text(c->message())},
                                  {"field", text(c->field())}});
  }
  if (!causes.empty()) out["causes"] = std::move(causes);
  if (f.retry_after_seconds()) out["retryAfterSeconds"] = *f.retry_after_seconds();
  return out;
}

ByteView view_of(const flatbuffers::Vector<uint8_t>* bytes) {
  return bytes ? ByteView{bytes->data(), bytes->size()} : ByteView();
}

json::value nested_event(ByteView bytes) {
  auto event = kit::EventView::from(Payload::copy_of(bytes));
  return event ? json::value(event_json(*event, true)) : json::object{{"bytes", bytes.size()}};
}

json::object refusal_json(const wire::Refusal& r) {
  return {{"time", codec::format_micro_time(r.time() / 1'000)},
          {"count", r.count()},
          {"actor", text(r.actor())},
          {"user", text(r.user())},
          {"verb", wire::EnumNameVerb(r.verb())},
          {"resource", text(r.resource())},
          {"namespace", text(r.namespace_())},
          {"name", text(r.name())},
          {"reason", text(r.reason())},
          {"message", text(r.message())}};
}

void put_lists(const wire::Outcome& o, const schema::KindInfo* kind, bool with_secrets,
               json::object* out) {
  auto list = [&](const char* key, const auto* items, auto&& each) {
    if (items == nullptr || items->size() == 0) return;
    json::array all;
    for (size_t i = 0; i < items->size(); ++i) all.push_back(each(*items->Get(i)));
    (*out)[key] = std::move(all);
  };
  list("items", o.items(),
       [&](const wire::Bytes& b) { return body_json(kind, view_of(b.bytes()), with_secrets); });
  list("events", o.events(), [](const wire::Bytes& b) { return nested_event(view_of(b.bytes())); });
  list("heads", o.heads(), [](const wire::LaneHead& h) {
    return json::object{{"lane", lane_json(h.lane())}, {"revision", h.revision()}};
  });
  list("refusals", o.refusals(), [](const wire::Refusal& r) { return refusal_json(r); });
  list("warnings", o.warnings(),
       [](const flatbuffers::String& s) { return json::value(s.string_view()); });
}

json::object outcome_json(const wire::Outcome& o, const schema::KindInfo* kind, bool with_secrets) {
  json::object out;
  if (o.failure() != nullptr) out["failure"] = failure_json(*o.failure());
  auto number = [&](const char* key, uint64_t n) {
    if (n != 0) out[key] = n;
  };
  number("revision", o.revision());
  number("head", o.head());
  number("oldest", o.oldest());
  number("count", o.count());
  if (o.created()) out["created"] = true;
  if (o.gone()) out["gone"] = true;
  if (o.repeated()) out["repeated"] = true;
  if (o.object() != nullptr) out["object"] = body_json(kind, view_of(o.object()), with_secrets);
  put_lists(o, kind, with_secrets, &out);
  if (!text(o.continue_token()).empty()) out["continueToken"] = text(o.continue_token());
  if (o.remaining()) out["remaining"] = *o.remaining();
  if (o.archive() != nullptr) out["archive"] = json::object{{"bytes", o.archive()->size()}};
  if (o.ticket() != nullptr) out["ticket"] = text(o.ticket()->id());
  return out;
}

std::optional<json::object> as_text_payload(ByteView payload) {
  boost::system::error_code failed;
  json::value value = json::parse(kubus::as_text(payload), failed);
  if (!failed) return json::object{{"text", std::move(value)}};
  bool printable = std::all_of(payload.begin(), payload.end(), [](uint8_t c) {
    return c >= 0x20 || c == '\n' || c == '\t' || c == '\r';
  });
  if (!printable || !codec::valid_utf8(kubus::as_text(payload))) return std::nullopt;
  return json::object{{"text", kubus::as_text(payload)}};
}

std::vector<std::string_view> tokens_of(std::string_view subject) {
  std::vector<std::string_view> out;
  for (;;) {
    size_t dot = subject.find('.');
    out.push_back(subject.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    subject.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<Form> parse_form(std::string_view word) {
  auto found = std::find(kForms.begin(), kForms.end(), word);
  if (found == kForms.end()) {
    return Error(Code::kBadRequest, "\"" + std::string(word) +
                                        "\" is none of event, head, request, replies, command, "
                                        "text");
  }
  return static_cast<Form>(found - kForms.begin());
}

std::optional<Form> form_of(std::string_view subject) {
  std::vector<std::string_view> tokens = tokens_of(subject);
  // Of a replay the cluster is two tokens.
  size_t at = tokens.size() > 1 && tokens[1] == "replay" ? 3 : 2;
  if (tokens.size() <= at) return std::nullopt;
  std::string_view what = tokens[at];
  if (what == "node" && tokens.size() > at + 2) what = tokens[at + 2];
  if (what == "event") return Form::kEvent;
  if (what == "head") return Form::kHead;
  if (what == "api") return Form::kRequest;
  if (what == "command") return Form::kCommand;
  if (what == "stats" || what == "cloudevents" || what == "control") return Form::kText;
  return std::nullopt;  // replies carry more than one form
}

Result<json::object> PayloadReader::read(std::optional<Form> form, ByteView payload) {
  if (payload.empty()) return json::object{{"text", ""}};
  if (form) {
    if (auto out = as(*form, payload)) return *std::move(out);
    return Error(Code::kBadRequest, std::to_string(payload.size()) + " bytes that are no " +
                                        std::string(kForms[static_cast<size_t>(*form)]));
  }
  for (Form f :
       {Form::kText, Form::kEvent, Form::kRequest, Form::kReplies, Form::kHead, Form::kCommand}) {
    if (auto out = as(f, payload)) return *std::move(out);
  }
  return Error(Code::kBadRequest,
               std::to_string(payload.size()) + " bytes that are nothing the bus carries");
}

std::optional<json::object> PayloadReader::as(Form form, ByteView payload) {
  std::optional<json::value> out;
  switch (form) {
    case Form::kEvent:
      out = as_event(payload);
      break;
    case Form::kHead:
      out = as_head(payload);
      break;
    case Form::kRequest:
      out = as_request(payload);
      break;
    case Form::kReplies:
      out = as_replies(payload);
      break;
    case Form::kCommand:
      out = as_command(payload);
      break;
    case Form::kText:
      return as_text_payload(payload);
  }
  if (!out) return std::nullopt;
  return json::object{{kForms[static_cast<size_t>(form)], *std::move(out)}};
}

std::optional<json::value> PayloadReader::as_event(ByteView payload) const {
  auto event = kit::EventView::from(Payload::copy_of(payload));
  if (!event || text((*event)->resource()).empty() || !event->revision() || (*event)->time() == 0)
    return std::nullopt;
  return event_json(*event, true);
}

std::optional<json::value> PayloadReader::as_request(ByteView payload) {
  const auto* request = verified<wire::Request>(payload);
  if (request == nullptr || text(request->id()).empty() || request->operations() == nullptr ||
      request->operations()->size() == 0)
    return std::nullopt;
  if (asked_.size() >= kMostAsked) asked_.clear();
  std::vector<const schema::KindInfo*>& kinds = asked_[request->id()->str()];
  kinds.clear();
  for (const wire::Operation* op : *request->operations()) kinds.push_back(body_kind_of(*op));
  return request_json(*request, with_secrets_);
}

std::optional<json::value> PayloadReader::as_replies(ByteView payload) const {
  const auto* replies = verified<wire::Replies>(payload);
  if (replies == nullptr || replies->replies() == nullptr || replies->replies()->size() == 0)
    return std::nullopt;
  json::array all;
  for (const wire::Reply* reply : *replies->replies()) {
    auto asked = asked_.find(text(reply->id()));
    json::object out{{"id", text(reply->id())}};
    if (reply->failure() != nullptr) out["failure"] = failure_json(*reply->failure());
    json::array outcomes;
    for (size_t i = 0; reply->outcomes() != nullptr && i < reply->outcomes()->size(); ++i) {
      const schema::KindInfo* kind = assumed_;
      if (asked != asked_.end() && i < asked->second.size()) kind = asked->second[i];
      outcomes.push_back(outcome_json(*reply->outcomes()->Get(i), kind, with_secrets_));
    }
    if (!outcomes.empty()) out["outcomes"] = std::move(outcomes);
    if (reply->time_ms() != 0) out["timeMs"] = reply->time_ms();
    all.push_back(std::move(out));
  }
  return all;
}

Result<Buffer> bytes_of(std::string_view text, std::string_view encoding) {
  if (encoding.empty()) return Buffer(text.begin(), text.end());
  std::string packed;
  for (char c : text) {
    if (!std::isspace(static_cast<unsigned char>(c))) packed += c;
  }
  if (encoding == "base64") {
    if (auto bytes = codec::from_base64(packed)) return *std::move(bytes);
    return Error(Code::kBadRequest, "standard input is no base64");
  }
  if (packed.starts_with("0x")) packed.erase(0, 2);
  auto digit = [](char c) {
    int lower = std::tolower(static_cast<unsigned char>(c));
    return std::isdigit(lower) ? lower - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  Buffer out;
  for (size_t i = 0; i < packed.size(); i += 2) {
    int high = digit(packed[i]), low = i + 1 < packed.size() ? digit(packed[i + 1]) : -1;
    if (high < 0 || low < 0)
      return Error(Code::kBadRequest, "standard input is no run of pairs of hexadecimal digits");
    out.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return out;
}

}  // namespace kubus::cli
