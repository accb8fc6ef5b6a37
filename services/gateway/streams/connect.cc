#include "services/gateway/streams/connect.h"

#include <charconv>

#include "schemas/lib/codec/scalars.h"
#include "services/gateway/api/requests.h"

namespace kubus::gateway {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000, kNsPerMicrosecond = 1000;

Result<std::optional<int64_t>> number(const HttpRequest& r, std::string_view name) {
  std::string text = r.query_value(name);
  if (text.empty()) return std::optional<int64_t>();
  int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size())
    return Error(Code::kBadRequest, std::string(name) + " must be a number, not \"" + text + "\"");
  return std::optional<int64_t>(value);
}

Status set_since(const HttpRequest& r, int64_t now_ns, wire::ConnectT* out) {
  auto seconds = number(r, "sinceSeconds");
  if (!seconds) return seconds.error();
  std::string time = r.query_value("sinceTime");
  if (*seconds && !time.empty())
    return Error(Code::kInvalid, "at most one of sinceTime and sinceSeconds may be given");
  if (*seconds && **seconds < 1) return Error(Code::kInvalid, "sinceSeconds must be positive");
  if (*seconds) out->since = now_ns - **seconds * kNsPerSecond;
  if (time.empty()) return {};
  auto at = codec::parse_micro_time(time);
  if (!at) return Error(Code::kBadRequest, "sinceTime must be a time as in RFC 3339");
  out->since = *at * kNsPerMicrosecond;
  return {};
}

Status set_log(const HttpRequest& r, int64_t now_ns, wire::ConnectT* out) {
  out->out = true;
  out->follow = r.query_flag("follow");
  out->previous = r.query_flag("previous");
  out->timestamps = r.query_flag("timestamps");
  auto tail = number(r, "tailLines"), limit = number(r, "limitBytes");
  if (!tail) return tail.error();
  if (!limit) return limit.error();
  if (*tail) out->tail_lines = **tail;
  if (*limit) out->limit_bytes = **limit;
  std::string stream = r.query_value("stream");
  if (!stream.empty() && stream != "All")
    return Error(Code::kBadRequest, "only the streams of a log together are served");
  return set_since(r, now_ns, out);
}

void set_run(const HttpRequest& r, wire::ConnectT* out) {
  out->in = r.query_flag("stdin");
  out->out = r.query_flag("stdout");
  out->err = r.query_flag("stderr");
  out->tty = r.query_flag("tty");
  auto [begin, end] = r.query.equal_range("command");
  for (auto at = begin; at != end; ++at) out->command.push_back(at->second);
}

}  // namespace

bool is_stream(const ResourcePath& path) {
  const std::string& s = path.subresource;
  return s == "log" || s == "exec" || s == "attach" || s == "portforward";
}

Result<wire::RequestT> connect_request(const HttpRequest& request, const ResourcePath& path,
                                       int64_t now_ns) {
  auto connect = std::make_unique<wire::ConnectT>();
  connect->container = request.query_value("container");
  if (path.subresource == "log") {
    if (Status s = set_log(request, now_ns, connect.get()); !s) return s.error();
  } else if (path.subresource != "portforward") {
    set_run(request, connect.get());
  }
  wire::RequestT out;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Connect;
  op->group = path.kind->group;
  op->resource = path.kind->resource;
  op->namespace_ = path.ns;
  op->name = path.name;
  op->subresource = path.subresource;
  op->connect = std::move(connect);
  set_identity(request, &out);
  out.operations.push_back(std::move(op));
  return out;
}

}  // namespace kubus::gateway
