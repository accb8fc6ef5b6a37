#include "agents/kubelet/probes/check.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

namespace v1 = core::v1;

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

int port_named(const v1::Container& c, const std::string& name) {
  if (!c.ports()) return 0;
  for (const auto* p : *c.ports()) {
    if (text(p->name()) == name) return p->container_port().value_or(0);
  }
  return 0;
}

void set_port(const v1::Container& c, const meta::v1::IntOrString* port, Check* out) {
  if (!port) return;
  out->port = port->number().value_or(0);
  out->port_name = text(port->text());
  if (!out->port_name.empty()) out->port = port_named(c, out->port_name);
}

Check exec_of(const v1::ExecAction& action) {
  Check out{.kind = Check::Kind::kExec};
  if (!action.command()) return out;
  for (const auto* word : *action.command()) out.command.push_back(word->str());
  return out;
}

Check http_of(const v1::Container& c, const v1::HTTPGetAction& action) {
  Check out{.kind = Check::Kind::kHttp};
  out.tls = text(action.scheme()) == "HTTPS";
  out.host = text(action.host());
  std::string path = text(action.path());
  if (path.empty() || path[0] != '/') out.path = '/';
  out.path += path;
  set_port(c, action.port(), &out);
  if (!action.http_headers()) return out;
  for (const auto* h : *action.http_headers())
    out.headers.emplace_back(text(h->name()), text(h->value()));
  return out;
}

Check tcp_of(const v1::Container& c, const v1::TCPSocketAction& action) {
  Check out{.kind = Check::Kind::kTcp};
  out.host = text(action.host());
  set_port(c, action.port(), &out);
  return out;
}

std::optional<Probe> probe_of(const v1::Container& c, const v1::Probe* p) {
  if (!p) return std::nullopt;
  Probe out;
  if (p->exec()) {
    out.check = exec_of(*p->exec());
  } else if (p->http_get()) {
    out.check = http_of(c, *p->http_get());
  } else if (p->tcp_socket()) {
    out.check = tcp_of(c, *p->tcp_socket());
  } else if (p->grpc()) {
    out.check.kind = Check::Kind::kGrpc;
    out.check.port = p->grpc()->port().value_or(0);
    out.check.service = text(p->grpc()->service());
  } else {
    return std::nullopt;
  }
  out.initial_delay = std::max(p->initial_delay_seconds().value_or(0), 0);
  out.timeout = std::max(p->timeout_seconds().value_or(1), 1);
  out.period = std::max(p->period_seconds().value_or(10), 1);
  out.success_threshold = std::max(p->success_threshold().value_or(1), 1);
  out.failure_threshold = std::max(p->failure_threshold().value_or(3), 1);
  if (auto grace = p->termination_grace_period_seconds()) out.grace = *grace;
  return out;
}

std::optional<Check> hook_of(const v1::Container& c, const v1::LifecycleHandler* h) {
  if (!h) return std::nullopt;
  std::optional<Check> out;
  if (h->exec()) out = exec_of(*h->exec());
  if (h->http_get()) out = http_of(c, *h->http_get());
  if (h->tcp_socket()) out = tcp_of(c, *h->tcp_socket());
  if (h->sleep()) {
    out = Check{.kind = Check::Kind::kSleep};
    out->seconds = std::max<int64_t>(h->sleep()->seconds().value_or(0), 0);
  }
  if (out) out->any_status = true;
  return out;
}

}  // namespace

Probes probes_of(const v1::Container& c) {
  return {probe_of(c, c.startup_probe()), probe_of(c, c.liveness_probe()),
          probe_of(c, c.readiness_probe())};
}

Hooks hooks_of(const v1::Container& c) {
  if (!c.lifecycle()) return {};
  return {hook_of(c, c.lifecycle()->post_start()), hook_of(c, c.lifecycle()->pre_stop())};
}

}  // namespace kubus::kubelet
