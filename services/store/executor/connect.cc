// connect: a ticket for one byte stream to a container. It reads, and writes nothing: what the
// kubelet is told leaves with the answer.
#include "bus/stream/keys.h"
#include "schemas/core/v1/node_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "services/store/executor/dispatch.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

using core::v1::Pod;

constexpr int64_t kTicketMs = 30'000, kNsPerMs = 1'000'000;
constexpr size_t kMostCommandBytes = 256 << 10;

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

template <class Containers>
bool has(const Containers* list, std::string_view name) {
  for (flatbuffers::uoffset_t i = 0; list && i < list->size(); ++i) {
    if (text_of(list->Get(i)->name()) == name) return true;
  }
  return false;
}

template <class Containers>
std::string names(const Containers* list) {
  std::string out;
  for (flatbuffers::uoffset_t i = 0; list && i < list->size(); ++i)
    out += (i ? " " : "") + std::string(text_of(list->Get(i)->name()));
  return out;
}

// The one that is named, or the only one.
Result<std::string> choose_container(const core::v1::PodSpec& spec, std::string_view pod,
                                     std::string_view named) {
  bool known = has(spec.containers(), named) || has(spec.init_containers(), named) ||
               has(spec.ephemeral_containers(), named);
  if (!named.empty() && known) return std::string(named);
  if (!named.empty()) {
    return Error(Code::kBadRequest,
                 "container " + std::string(named) + " is not valid for pod " + std::string(pod));
  }
  if (spec.containers() && spec.containers()->size() == 1)
    return std::string(text_of(spec.containers()->Get(0)->name()));
  std::string text = "a container name must be specified for pod " + std::string(pod) +
                     ", choose one of: [" + names(spec.containers()) + "]";
  if (spec.init_containers() && spec.init_containers()->size() > 0)
    text += " or one of the init containers: [" + names(spec.init_containers()) + "]";
  return Error(Code::kBadRequest, text);
}

struct Place {
  std::string endpoint, server_key;
};

Result<Place> place_of(const Scope& s, std::string_view node) {
  const schema::KindInfo* kind = schema::Registry::get().by_resource("", "nodes");
  Stored stored = s.find(*kind, "", node);
  if (!stored) return Error(Code::kUnavailable, "the node " + quoted(node) + " is not there");
  Object object = stored.object(*kind);
  auto endpoint = object.annotation(stream::kEndpointAnnotation);
  auto key = object.annotation(stream::kKeyAnnotation);
  if (!endpoint || !key || endpoint->empty() || key->empty())
    return Error(Code::kUnavailable,
                 "the kubelet of node " + quoted(node) + " has not said where it serves streams");
  return Place{std::string(*endpoint), std::string(*key)};
}

// A dry run asks whether ports may be forwarded at all.
Status check_options(const wire::Connect& c, std::string_view operation, bool dry_run) {
  if (operation == "exec") {
    size_t bytes = 0;
    for (flatbuffers::uoffset_t i = 0; c.command() && i < c.command()->size(); ++i)
      bytes += c.command()->Get(i)->size();
    if (!c.command() || c.command()->size() == 0)
      return Error(Code::kBadRequest, "you must specify at least 1 command for the container");
    if (bytes > kMostCommandBytes)
      return Error(Code::kBadRequest, "the command is longer than 256 KiB");
  }
  if ((operation == "exec" || operation == "attach") && !c.in() && !c.out() && !c.err())
    return Error(Code::kBadRequest, "at least one of stdin, stdout and stderr must be asked for");
  if (operation == "portforward" && !dry_run && (c.port() < 1 || c.port() > 65535))
    return Error(Code::kBadRequest, "a port must be between 1 and 65535");
  if (operation != "log") return {};
  if (c.tail_lines().value_or(0) < 0)
    return Error(Code::kInvalid, "tailLines must not be negative");
  if (c.limit_bytes().value_or(1) < 1) return Error(Code::kInvalid, "limitBytes must be positive");
  return {};
}

std::string user_of(const Scope& s) {
  Access access;
  access.actor = s.caller.actor;
  access.identity = s.caller.identity;
  return store::user_of(access);
}

}  // namespace

Status run_connect(Scope& s) {
  if (s.op.connect() == nullptr)
    return Error(Code::kBadRequest, "the request does not say what to connect to");
  const wire::Connect& wanted = *s.op.connect();
  if (Status st = check_options(wanted, s.subresource, s.dry_run); !st) return st;
  Stored stored = s.find(*s.kind, s.ns, s.name);
  if (!stored) return not_found(*s.kind, s.name);
  Object object = stored.object(*s.kind);
  const Pod* pod = object.as<Pod>();
  std::string_view node = pod->spec() ? text_of(pod->spec()->node_name()) : std::string_view();
  if (node.empty())
    return Error(Code::kBadRequest,
                 "pod " + std::string(s.name) + " does not have a host assigned");
  std::string container;
  if (s.subresource != "portforward") {
    auto chosen = choose_container(*pod->spec(), s.name, text_of(wanted.container()));
    if (!chosen) return chosen.error();
    container = *std::move(chosen);
  }
  auto place = place_of(s, node);
  if (!place) return place.error();
  s.out->revision = s.view().revision();
  if (s.dry_run) return {};

  stream::KeyPair keys = stream::make_keys(s.env.ports.random);
  std::string id = s.env.ports.random.uuid();
  wire::StreamCommandT command;
  command.ticket = id;
  command.client_key = keys.public_key;
  command.expires_ms = s.env.ports.clock.wall_ns() / kNsPerMs + kTicketMs;
  command.operation = s.subresource;
  command.namespace_ = s.ns;
  command.name = s.name;
  command.uid = object.uid();
  command.container = container;
  command.user = user_of(s);
  command.connect = std::make_unique<wire::ConnectT>();
  wanted.UnPackTo(command.connect.get());
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::StreamCommand::Pack(builder, &command));
  s.out->command = OutcomeData::Command{
      std::string(node), command.operation,
      Payload(Buffer(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()))};
  s.out->ticket = OutcomeData::Ticket{place->endpoint, place->server_key, keys.public_key,
                                      keys.secret_key, std::move(id)};
  return {};
}

}  // namespace kubus::store
