#include "cli/streams.h"

#include <boost/json.hpp>

#include "bus/stream/tickets.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

const json::value* member(const json::value* v, const char* name) {
  return v && v->is_object() ? v->as_object().if_contains(name) : nullptr;
}

std::string expression_text(const json::value& e) {
  std::string key(e.at("key").as_string()), op(e.at("operator").as_string());
  if (op == "Exists") return key;
  if (op == "DoesNotExist") return "!" + key;
  std::string values;
  for (const json::value& v : e.at("values").as_array())
    values += (values.empty() ? "" : ",") + std::string(v.as_string());
  return key + (op == "In" ? " in (" : " notin (") + values + ")";
}

// The label selector of something that has Pods; "" : it has none.
std::string selector_of(const Object& object) {
  json::value value = codec::to_value(object.kind(), object.bytes());
  const json::value* selector = member(member(&value, "spec"), "selector");
  if (!selector || !selector->is_object()) return "";
  const json::value* labels = member(selector, "matchLabels");
  const json::value* expressions = member(selector, "matchExpressions");
  std::string out;
  if (!labels && !expressions) labels = selector;  // a Service's
  if (labels) {
    for (const auto& [key, v] : labels->as_object())
      out += (out.empty() ? "" : ",") + std::string(key) + "=" + std::string(v.as_string());
  }
  if (!expressions) return out;
  for (const json::value& e : expressions->as_array())
    out += (out.empty() ? "" : ",") + expression_text(e);
  return out;
}

int64_t made_at(const Object& pod) {
  return pod.as<core::v1::Pod>()->metadata()->creation_timestamp().value_or(0);
}

// Running before others, then the newest.
const Object* best_of(const std::vector<Object>& pods) {
  const Object* best = nullptr;
  bool best_runs = false;
  for (const Object& p : pods) {
    bool runs = p.field("status.phase") == "Running";
    bool newer = best && made_at(p) > made_at(*best);
    if (best && (runs < best_runs || (runs == best_runs && !newer))) continue;
    best = &p;
    best_runs = runs;
  }
  return best;
}

}  // namespace

Result<PodName> pod_of(Session& session, const std::string& word, const std::string& ns) {
  size_t slash = word.find('/');
  const auto& registry = schema::Registry::get();
  const schema::KindInfo* pods = registry.by_resource("", "pods");
  const schema::KindInfo* kind =
      slash == std::string::npos ? pods : registry.by_user_word(word.substr(0, slash));
  std::string name = slash == std::string::npos ? word : word.substr(slash + 1);
  if (!kind) return Error(Code::kBadRequest, "there is no kind \"" + word.substr(0, slash) + "\"");
  if (kind == pods) return PodName{ns, name};
  auto owner = session.get({kind, ns, name});
  if (!owner) return owner.error();
  std::string selector = selector_of(*owner);
  if (selector.empty()) return Error(Code::kBadRequest, word + " selects no Pods");
  auto page = session.list_all(*pods, ns, selector, "");
  if (!page) return page.error();
  const Object* best = best_of(page->items);
  if (!best) return Error(Code::kNotFound, word + " has no Pods now");
  return PodName{ns, std::string(best->name())};
}

wire::RequestT connect_request(const PodName& pod, const std::string& operation,
                               wire::ConnectT connect) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Connect;
  op->resource = "pods";
  op->namespace_ = pod.ns;
  op->name = pod.name;
  op->subresource = operation;
  op->connect = std::make_unique<wire::ConnectT>(std::move(connect));
  request.operations.push_back(std::move(op));
  return request;
}

Result<stream::Ticket> ticket_for(Session& session, const PodName& pod,
                                  const std::string& operation, wire::ConnectT connect) {
  auto answer = session.call(connect_request(pod, operation, std::move(connect)));
  if (!answer) return answer.error();
  return stream::ticket_of(answer->outcome());
}

std::optional<int64_t> parse_length(const std::string& text) {
  int64_t total = 0, number = -1;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      if (number > 1'000'000'000) return std::nullopt;
      number = (number < 0 ? 0 : number * 10) + (c - '0');
      continue;
    }
    int64_t unit = c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 : c == 'd' ? 86400 : 0;
    if (number < 0 || unit == 0) return std::nullopt;
    total += number * unit;
    number = -1;
  }
  if (text.empty() || number >= 0) return std::nullopt;
  return total * 1'000'000'000;
}

}  // namespace kubus::cli
