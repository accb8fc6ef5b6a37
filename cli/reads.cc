#include "cli/reads.h"

#include <charconv>

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::optional<int64_t> seconds_of_unit(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
  }
  return std::nullopt;
}

// "-10m", "-1h30m"
std::optional<int64_t> parse_ago(std::string_view text) {
  if (text.size() < 3 || text[0] != '-') return std::nullopt;
  text.remove_prefix(1);
  int64_t total = 0;
  while (!text.empty()) {
    int64_t n = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (code != std::errc() || end == text.data() + text.size()) return std::nullopt;
    auto unit = seconds_of_unit(*end);
    if (!unit) return std::nullopt;
    total += n * *unit;
    text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  }
  return total;
}

wire::RequestT request_for(wire::Verb verb, const Selection& s, const At& at) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = verb;
  op->group = s.kind->group;
  op->resource = s.kind->resource;
  op->namespace_ = s.ns;
  op->revision = at.revision;
  op->at_time = at.time_ns;
  if (at.revision) op->match = wire::ListMatch::Exact;
  request.operations.push_back(std::move(op));
  return request;
}

Result<Object> object_in(const kit::Answer& answer, const schema::KindInfo& kind,
                         const flatbuffers::Vector<uint8_t>* bytes) {
  auto object = bytes ? Object::from(kind, answer.payload().part({bytes->data(), bytes->size()}))
                      : std::nullopt;
  if (!object)
    return Error(Code::kInternal, "the store sent a malformed object of " + kind.resource);
  return *std::move(object);
}

Result<std::vector<Object>> read_names(Session& session, const Selection& s, const At& at) {
  std::vector<Object> out;
  for (const std::string& name : s.names) {
    wire::RequestT request = request_for(wire::Verb::Get, s, at);
    request.operations[0]->name = name;
    auto answer = session.call(std::move(request));
    if (!answer) return answer.error();
    auto object = object_in(*answer, *s.kind, answer->outcome().object());
    if (!object) return object.error();
    out.push_back(*std::move(object));
  }
  return out;
}

}  // namespace

void add_at_option(po::options_description_easy_init& add) {
  add("at", po::value<std::string>()->default_value(""),
      "as it was then: a revision, an RFC 3339 time, or -10m");
}

Result<At> at_of(const Invocation& call, int64_t now_ns) {
  return parse_at("--at", call.options["at"].as<std::string>(), now_ns);
}

Result<At> parse_at(const std::string& option, const std::string& text, int64_t now_ns) {
  At at;
  if (text.empty()) return at;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), at.revision);
  if (code == std::errc() && end == text.data() + text.size() && at.revision) return at;
  at.revision = 0;
  if (auto ago = parse_ago(text)) {
    at.time_ns = now_ns - *ago * kSecond;
  } else if (auto time = codec::parse_micro_time(text)) {
    at.time_ns = *time * 1000;
  } else {
    return Error(Code::kBadRequest,
                 option +
                     " takes a revision (1200), a time (2026-11-23T05:00:00Z) or how long ago "
                     "(-10m), not \"" +
                     text + "\"");
  }
  return at;
}

Result<std::vector<Object>> read_objects(Session& session, const Selection& s,
                                         const std::string& labels, const std::string& fields,
                                         const At& at) {
  if (!s.names.empty()) return read_names(session, s, at);
  std::vector<Object> out;
  std::string token;
  do {
    wire::RequestT request = request_for(wire::Verb::List, s, at);
    request.operations[0]->label_selector = labels;
    request.operations[0]->field_selector = fields;
    request.operations[0]->continue_token = token;
    auto answer = session.call(std::move(request));
    if (!answer) return answer.error();
    const auto* items = answer->outcome().items();
    for (size_t i = 0; items && i < items->size(); ++i) {
      auto object = object_in(*answer, *s.kind, items->Get(i)->bytes());
      if (!object) return object.error();
      out.push_back(*std::move(object));
    }
    token = answer->outcome().continue_token() ? answer->outcome().continue_token()->str() : "";
  } while (!token.empty());
  return out;
}

}  // namespace kubus::cli
