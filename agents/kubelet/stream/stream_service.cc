#include "agents/kubelet/stream/stream_service.h"

#include "schemas/bus/envelope_generated.h"

namespace kubus::kubelet {
namespace {

constexpr uint16_t kVersion = 1;
constexpr bus::Duration kLongestTicket = std::chrono::minutes(1);

const wire::StreamCommand* verified(ByteView bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (bytes.size() < 8 || !verifier.VerifyBuffer<wire::StreamCommand>(nullptr)) return nullptr;
  const auto* command = flatbuffers::GetRoot<wire::StreamCommand>(bytes.data());
  bool whole = command->version() == kVersion && command->ticket() && command->client_key() &&
               command->operation() && command->uid() && command->connect();
  return whole ? command : nullptr;
}

LogOptions log_options(const wire::ConnectT& c) {
  LogOptions out;
  out.follow = c.follow;
  out.timestamps = c.timestamps;
  if (c.tail_lines) out.tail_lines = *c.tail_lines;
  if (c.limit_bytes) out.limit_bytes = *c.limit_bytes;
  out.since_ns = c.since;
  return out;
}

std::string in_pod(const wire::StreamCommandT& c) {
  return "container \"" + c.container + "\" in pod \"" + c.name + "\"";
}

}  // namespace

StreamService::StreamService(bus::Ports ports, Runtime& runtime, stream::StreamHost& host,
                             const bus::Subjects& subjects, Identity identity, FindPod find)
    : ports_(ports),
      runtime_(runtime),
      host_(host),
      identity_(std::move(identity)),
      find_(std::move(find)) {
  commands_ = ports_.bus.subscribe(subjects.node_commands(NodeName(identity_.node)),
                                   [this](bus::Message m) { on_command(m); });
}

StreamService::~StreamService() = default;

void StreamService::on_command(const bus::Message& message) {
  Payload payload = Payload::copy_of(message.payload.view());
  const wire::StreamCommand* read = verified(payload.view());
  if (!read) return ports_.log.warn("a malformed command came on " + message.subject);
  auto owned = std::make_shared<wire::StreamCommandT>();
  read->UnPackTo(owned.get());
  Command command = owned;
  bus::Duration valid = std::chrono::milliseconds(command->expires_ms) -
                        std::chrono::nanoseconds(ports_.clock.wall_ns());
  Status s = host_.expect({command->ticket, command->client_key}, std::min(valid, kLongestTicket),
                          [this, command](Opened opened) { serve(command, std::move(opened)); });
  if (!s) ports_.log.warn(command->operation + " for " + command->user + ": " + s.error().message);
}

void StreamService::serve(const Command& command, Opened opened) {
  auto view = find_(command->uid);
  if (!view) {
    return opened->end({Error(Code::kNotFound, "pod \"" + command->name + "\" is not on node \"" +
                                                   identity_.node + "\"")});
  }
  if (command->operation == "log") return serve_log(*command, *view, std::move(opened));
  if (command->operation == "portforward") return serve_port(command, *view, std::move(opened));
  if (command->operation == "exec" || command->operation == "attach")
    return serve_process(command, *view, std::move(opened));
  opened->end({Error(Code::kMethodNotAllowed, "this kubelet serves no " + command->operation)});
}

// ---- processes and ports ----

// Holds a client while the runtime opens its part.
struct StreamService::Waiting {
  std::unique_ptr<stream::Stream> client;
  bool gone = false;
};

std::shared_ptr<StreamService::Waiting> StreamService::hold(Opened opened) {
  auto waiting = std::make_shared<Waiting>();
  waiting->client = std::move(opened);
  stream::Stream::Handlers h;
  h.ended = [weak = std::weak_ptr<Waiting>(waiting)](const stream::End&) {
    if (auto w = weak.lock()) w->gone = true;
  };
  waiting->client->listen(std::move(h));
  return waiting;
}

StreamService::OnRuntimeStream StreamService::joiner(std::shared_ptr<Waiting> waiting) {
  return [this, waiting, alive = std::weak_ptr<bool>(alive_)](Result<Opened> runtime) {
    if (alive.expired() || waiting->gone) return;
    if (!runtime) return waiting->client->end({runtime.error()});
    auto at = bridges_.emplace(bridges_.end());
    auto over = [this, at, alive](const stream::End&) {
      if (alive.expired()) return;
      // Freed behind the present call, which is its own.
      auto gone = std::make_shared<std::unique_ptr<stream::Bridge>>(std::move(*at));
      bridges_.erase(at);
      ports_.workers.run(
          "streams", [] {}, [gone] {});
    };
    stream::Stream& client = *waiting->client;
    *at = std::make_unique<stream::Bridge>(std::move(waiting->client), *std::move(runtime),
                                           std::move(over));
    client.open();
  };
}

void StreamService::serve_process(const Command& c, const PodWorkers::View& view, Opened opened) {
  const ContainerStatus* run = view.observed.latest(c->container);
  if (!run || !runs(*run))
    return opened->end({Error(Code::kBadRequest, in_pod(*c) + " is not running")});
  StreamOptions options{c->connect->command, c->connect->in, c->connect->out, c->connect->err,
                        c->connect->tty};
  auto waiting = hold(std::move(opened));
  if (c->operation == "exec") return runtime_.open_exec(run->id, options, joiner(waiting));
  runtime_.open_attach(run->id, options, joiner(waiting));
}

void StreamService::serve_port(const Command& c, const PodWorkers::View& view, Opened opened) {
  const SandboxStatus* sandbox = view.observed.sandbox();
  if (!sandbox || !sandbox->ready)
    return opened->end({Error(Code::kBadRequest, "pod \"" + c->name + "\" is not running")});
  runtime_.open_port(sandbox->id, c->connect->port, joiner(hold(std::move(opened))));
}

// ---- logs ----

void StreamService::serve_log(const wire::StreamCommandT& c, const PodWorkers::View& view,
                              Opened opened) {
  auto run = run_of(c, view);
  if (!run) return opened->end({run.error()});
  std::string path =
      identity_.log_dir(c.uid) + "/" + c.container + "/" + std::to_string((*run)->attempt) + ".log";
  auto ended = [this, uid = c.uid, id = (*run)->id] { return !runs_still(uid, id); };
  auto at = logs_.emplace(logs_.end());
  auto over = [this, at, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    // Freed behind the present call, which is its own.
    auto gone = std::make_shared<std::unique_ptr<LogStream>>(std::move(*at));
    logs_.erase(at);
    ports_.workers.run(
        "logs", [] {}, [gone] {});
  };
  *at = std::make_unique<LogStream>(ports_, std::move(opened), path, log_options(*c.connect),
                                    std::move(ended), std::move(over));
}

Result<const ContainerStatus*> StreamService::run_of(const wire::StreamCommandT& c,
                                                     const PodWorkers::View& view) const {
  const ContainerStatus* latest = view.observed.latest(c.container);
  bool began = latest && (runs(*latest) || ended(*latest));
  if (!c.connect->previous) {
    if (began) return latest;
    const ContainerStatus* before = view.observed.previous(c.container);
    if (before) return before;
    const ContainerMemory& memory = view.memory->of(c.container);
    std::string why = memory.reason.empty() ? "ContainerCreating" : memory.reason;
    return Error(Code::kBadRequest, in_pod(c) + " is waiting to start: " + why);
  }
  // What waits to be started again has ended: that run is the previous one.
  for (const DesiredContainer& d : view.desired.containers) {
    if (d.name == c.container && latest && ended(*latest) &&
        wants_restart(view.desired, d, *latest))
      return latest;
  }
  const ContainerStatus* previous = view.observed.previous(c.container);
  if (previous) return previous;
  return Error(Code::kBadRequest, "previous terminated " + in_pod(c) + " not found");
}

bool StreamService::runs_still(const std::string& uid, const std::string& container_id) const {
  auto view = find_(uid);
  if (!view) return false;
  for (const ContainerStatus& c : view->observed.containers) {
    if (c.id == container_id) return runs(c);
  }
  return false;
}

}  // namespace kubus::kubelet
