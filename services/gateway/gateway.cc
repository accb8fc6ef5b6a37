#include "services/gateway/gateway.h"

#include <boost/json.hpp>

#include "bus/stream/tickets.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/error_codes.h"
#include "services/gateway/api/answers.h"
#include "services/gateway/api/body.h"
#include "services/gateway/api/discovery.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/api/requests.h"
#include "services/gateway/streams/connect.h"
#include "services/gateway/streams/forward.h"
#include "services/gateway/streams/log.h"
#include "services/gateway/streams/process.h"
#include "services/gateway/watch/watcher.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;

Headers warning_headers(const wire::Outcome& outcome) {
  Headers headers;
  for (size_t i = 0; outcome.warnings() && i < outcome.warnings()->size(); ++i) {
    std::string quoted = json::serialize(json::string(outcome.warnings()->Get(i)->c_str()));
    headers.emplace_back("Warning", "299 - " + quoted);
  }
  return headers;
}

// The Status that a completed deletion answers with.
std::string deleted_status(const ResourcePath& path, std::string_view uid) {
  json::object details{{"name", path.name}, {"kind", path.kind->resource}};
  if (!path.kind->group.empty()) details["group"] = path.kind->group;
  if (!uid.empty()) details["uid"] = uid;
  return json::serialize(json::object{{"kind", "Status"},
                                      {"apiVersion", "v1"},
                                      {"metadata", json::object()},
                                      {"status", "Success"},
                                      {"details", std::move(details)}});
}

std::optional<Object> object_of(const kit::Answer& answer, const schema::KindInfo& kind) {
  const auto* bytes = answer.outcome().object();
  if (!bytes) return std::nullopt;
  return Object::from(kind, answer.payload().part({bytes->data(), bytes->size()}));
}

void collect_items(const kit::Answer& answer, const schema::KindInfo& kind,
                   std::vector<Object>* out) {
  const auto* items = answer.outcome().items();
  for (size_t i = 0; items && i < items->size(); ++i) {
    const auto* bytes = items->Get(i)->bytes();
    auto object = bytes ? Object::from(kind, answer.payload().part({bytes->data(), bytes->size()}))
                        : std::nullopt;
    if (object) out->push_back(*std::move(object));
  }
}

// Requests are moved into the client; this is the same list again for the next page.
wire::RequestT copy_of(const wire::RequestT& list) {
  wire::RequestT out;
  out.on_behalf_of = std::make_unique<wire::IdentityT>();
  out.source = list.source;
  out.on_behalf_of->user = list.on_behalf_of->user;
  out.on_behalf_of->groups = list.on_behalf_of->groups;
  out.on_behalf_of->uid = list.on_behalf_of->uid;
  const wire::OperationT& from = *list.operations[0];
  auto op = std::make_unique<wire::OperationT>();
  op->verb = from.verb;
  op->group = from.group;
  op->resource = from.resource;
  op->namespace_ = from.namespace_;
  op->label_selector = from.label_selector;
  op->field_selector = from.field_selector;
  op->limit = from.limit;
  op->revision = from.revision;
  op->match = from.match;
  out.operations.push_back(std::move(op));
  return out;
}

// "Authorization: Bearer TOKEN"; "" : there is none.
std::string bearer_of(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  std::string value = request.header("authorization");
  if (value.size() <= kScheme.size()) return "";
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(value[i])) != kScheme[i]) return "";
  }
  return value.substr(kScheme.size());
}

// SelfSubjectReview: who the API takes the client for.
bool answer_review(Exchange& exchange) {
  const HttpRequest& r = exchange.request();
  if (r.method != "POST" || r.path != "/apis/authentication.k8s.io/v1/selfsubjectreviews")
    return false;
  json::array groups;
  for (const std::string& g : r.peer.groups) groups.emplace_back(g);
  groups.emplace_back("system:authenticated");
  json::object user{{"username", r.peer.user}, {"groups", std::move(groups)}};
  if (!r.peer.uid.empty()) user["uid"] = r.peer.uid;
  json::object extra;
  for (const auto& [key, values] : r.peer.extra)
    extra[key] = json::array(values.begin(), values.end());
  if (!extra.empty()) user["extra"] = std::move(extra);
  answer_json(exchange, 201,
              json::serialize(json::object{{"kind", "SelfSubjectReview"},
                                           {"apiVersion", "authentication.k8s.io/v1"},
                                           {"metadata", json::object()},
                                           {"status", {{"userInfo", std::move(user)}}}}));
  return true;
}

// Subresource bodies (Scale, Binding) may lack what Object asks for; they are written by their own
// kind.
std::string body_json(const kit::Answer& answer, const schema::KindInfo& kind, const Format& format,
                      int64_t now) {
  auto object = object_of(answer, kind);
  return object ? write_object(*object, format, now)
                : json::serialize(json::object{
                      {"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}});
}

}  // namespace

Gateway::Gateway(bus::Ports ports, kit::ClientOptions options,
                 std::unique_ptr<token::Verifier> tokens, stream::StreamDialer& dialer)
    : ports_(ports),
      client_(ports, std::move(options)),
      hub_(ports, client_),
      tokens_(ports, client_, std::move(tokens)),
      dialer_(dialer) {}

void Gateway::handle(std::shared_ptr<Exchange> exchange) {
  ++requests_;
  if (handle_open(*exchange)) return;
  const HttpRequest& r = exchange->request();
  if (!r.peer.user.empty()) return handle_known(std::move(exchange));
  std::string bearer = bearer_of(r);
  if (bearer.empty()) {
    return answer_error(*exchange, Error(Code::kUnauthorized,
                                         "Unauthorized: this needs a client certificate of the "
                                         "cluster or a token of a service account"));
  }
  tokens_.authenticate(bearer, [this, exchange](Result<Peer> peer) {
    if (!peer) return answer_error(*exchange, peer.error());
    exchange->set_peer(*std::move(peer));
    handle_known(exchange);
  });
}

void Gateway::handle_known(std::shared_ptr<Exchange> exchange) {
  const HttpRequest& r = exchange->request();
  if (r.path == "/metrics") return answer_metrics(std::move(exchange));
  if (answer_discovery(*exchange) || answer_openapi(*exchange) || answer_review(*exchange)) return;
  auto path = parse_resource_path(r.segments);
  if (!path) return answer_text(*exchange, 404, "404 page not found\n");
  handle_resource(std::move(exchange), *path);
}

bool Gateway::handle_open(Exchange& exchange) {
  const std::string& path = exchange.request().path;
  if (path == "/healthz" || path == "/livez" || path == "/readyz") {
    bool ready = path != "/readyz" || ports_.bus.connected();
    answer_text(exchange, ready ? 200 : 503, ready ? "ok" : "the bus is away");
    return true;
  }
  return path == "/version" && answer_discovery(exchange);
}

void Gateway::handle_resource(std::shared_ptr<Exchange> exchange, const ResourcePath& path) {
  if (is_stream(path)) return handle_stream(std::move(exchange), path);
  const HttpRequest& r = exchange->request();
  std::string verb = verb_of(r, path);
  if (verb.empty()) {
    return answer_error(
        *exchange,
        Error(Code::kMethodNotAllowed, "the server does not allow " + r.method + " here"), path);
  }
  auto format = negotiate(r);
  if (!format) return answer_error(*exchange, format.error(), path);
  if (verb == "watch")
    return start_watch(ports_, client_, hub_, std::move(exchange), path, *format);
  auto request = translate(r, path, verb);
  if (!request) {
    ++failures_;
    return answer_error(*exchange, request.error(), path);
  }
  if (verb == "list") {
    return handle_list(std::move(exchange), path, *format, *std::move(request),
                       std::make_shared<std::vector<Object>>());
  }
  client_.call(*std::move(request),
               [this, exchange, path, verb, format = *format](Result<kit::Answer> answer) {
                 on_answer(*exchange, path, verb, format, std::move(answer));
               });
}

void Gateway::on_answer(Exchange& exchange, const ResourcePath& path, const std::string& verb,
                        const Format& format, Result<kit::Answer> answer) {
  Status status = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
  if (!status) {
    ++failures_;
    return answer_error(exchange, status.error(), path);
  }
  const wire::Outcome& outcome = answer->outcome();
  int64_t now = ports_.clock.wall_seconds();
  if (verb == "deletecollection") {
    std::vector<Object> items;
    collect_items(*answer, *path.kind, &items);
    ListMeta meta{Revision(outcome.revision()), "", {}};
    return answer_json(exchange, 200, write_list(*path.kind, items, meta, format, now));
  }
  Headers headers = warning_headers(outcome);
  if (verb == "delete" && outcome.gone()) {
    auto last = object_of(*answer, *path.kind);
    return answer_json(exchange, 200, deleted_status(path, last ? last->uid() : ""),
                       std::move(headers));
  }
  bool created = verb == "create" || outcome.created();
  answer_json(exchange, created ? 201 : 200, body_json(*answer, *body_kind(path), format, now),
              std::move(headers));
}

// A client that named no limit gets the whole list: the store's pages, all at one revision,
// gathered here.
void Gateway::handle_list(std::shared_ptr<Exchange> exchange, const ResourcePath& path,
                          const Format& format, wire::RequestT request,
                          std::shared_ptr<std::vector<Object>> items) {
  wire::RequestT next = copy_of(request);
  client_.call(std::move(request), [this, exchange, path, format, items,
                                    next = std::make_shared<wire::RequestT>(std::move(next))](
                                       Result<kit::Answer> answer) {
    Status status = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
    if (!status) {
      ++failures_;
      return answer_error(*exchange, status.error(), path);
    }
    const wire::Outcome& outcome = answer->outcome();
    collect_items(*answer, *path.kind, items.get());
    std::string token = outcome.continue_token() ? outcome.continue_token()->str() : "";
    bool whole = next->operations[0]->limit == 0;
    if (whole && !token.empty()) {
      next->operations[0]->continue_token = token;
      return handle_list(exchange, path, format, std::move(*next), items);
    }
    ListMeta meta{Revision(outcome.revision()), token, {}};
    if (!token.empty() && outcome.remaining()) meta.remaining = *outcome.remaining();
    answer_json(*exchange, 200,
                write_list(*path.kind, *items, meta, format, ports_.clock.wall_seconds()));
  });
}

// The store says whether the client may, and where the stream is served. For what cannot be served
// as asked, and for ports, which get their tickets one by one, it only says whether.
void Gateway::handle_stream(std::shared_ptr<Exchange> exchange, const ResourcePath& path) {
  const HttpRequest& r = exchange->request();
  bool forward = path.subresource == "portforward";
  Status upgrade = forward                     ? check_forward_upgrade(r)
                   : path.subresource == "log" ? Status()
                                               : check_process_upgrade(r);
  auto request = connect_request(r, path, ports_.clock.wall_ns());
  if (!request) return answer_error(*exchange, request.error(), path);
  request->dry_run = forward || !upgrade;
  client_.call(
      *std::move(request), [this, exchange, path, forward, upgrade](Result<kit::Answer> answer) {
        Status status = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
        if (status) status = upgrade;
        if (!status) {
          ++failures_;
          return answer_error(*exchange, status.error(), path);
        }
        if (forward) return forward_ports(exchange, path);
        auto ticket = stream::ticket_of(answer->outcome());
        if (!ticket) return answer_error(*exchange, ticket.error(), path);
        if (path.subresource == "log") return answer_log(dialer_, *ticket, exchange, path);
        answer_process(dialer_, *ticket, exchange, path);
      });
}

void Gateway::forward_ports(const std::shared_ptr<Exchange>& exchange, const ResourcePath& path) {
  auto ask = [this, path, asked = exchange->request()](
                 int port, std::function<void(Result<stream::Ticket>)> done) {
    auto request = connect_request(asked, path, ports_.clock.wall_ns());
    if (!request) return done(request.error());
    request->operations[0]->connect->port = port;
    client_.call(*std::move(request), [done](Result<kit::Answer> answer) {
      Status status = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
      done(status ? stream::ticket_of(answer->outcome()) : status.error());
    });
  };
  answer_forward(dialer_, std::move(ask), exchange);
}

void Gateway::answer_metrics(std::shared_ptr<Exchange> exchange) {
  std::string text =
      "# HELP kubus_gateway_requests_total HTTP requests taken.\n"
      "# TYPE kubus_gateway_requests_total counter\n"
      "kubus_gateway_requests_total " +
      std::to_string(requests_) +
      "\n"
      "# HELP kubus_gateway_failures_total Requests answered with an error.\n"
      "# TYPE kubus_gateway_failures_total counter\n"
      "kubus_gateway_failures_total " +
      std::to_string(failures_) + "\n";
  exchange->respond(200, "text/plain; version=0.0.4", std::move(text), {});
}

}  // namespace kubus::gateway
