#include "agents/proxy/proxy.h"

#include <algorithm>

#include "schemas/lib/base/check.h"

namespace kubus::proxy {
namespace {

constexpr bus::Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr bus::Duration kLastRetry = std::chrono::seconds(30);
constexpr bus::Duration kKeepAfter = std::chrono::seconds(10);
constexpr std::string_view kServiceName = "kubernetes.io/service-name";

const schema::KindInfo& kind_of(std::string_view group, std::string_view resource) {
  const auto* kind = schema::Registry::get().by_resource(group, resource);
  KUBUS_CHECK(kind);
  return *kind;
}

std::string joined(std::string_view ns, std::string_view name) {
  return std::string(ns) + "/" + std::string(name);
}

}  // namespace

Proxy::Proxy(bus::Ports ports, Dataplane& dataplane, ProxyOptions options)
    : ports_(ports),
      dataplane_(dataplane),
      options_(std::move(options)),
      client_(ports, options_.client),
      services_(ports, client_, {.kind = &kind_of("", "services")}),
      slices_(ports, client_, {.kind = &kind_of("discovery.k8s.io", "endpointslices")}),
      table_(options_.table) {
  services_.on_change([this](const kit::Informer::Change& c) { on_service(c); });
  slices_.on_change([this](const kit::Informer::Change& c) { on_slice(c); });
  services_.on_synced([this] { arm({}); });
  slices_.on_synced([this] { arm({}); });
  services_.start();
  slices_.start();
}

ProxyStats Proxy::stats() const {
  ProxyStats out = stats_;
  out.services = services_.all().size();
  out.elements = table_.size();
  return out;
}

// ---- ways in ----

void Proxy::on_service(const kit::Informer::Change& change) {
  const Object& any = change.now ? change.now : change.before;
  if (any) mark(joined(any.ns(), any.name()));
}

void Proxy::on_slice(const kit::Informer::Change& change) {
  for (const Object* slice : {&change.before, &change.now}) {
    if (!*slice) continue;
    auto service = slice->label(kServiceName);
    if (!service) continue;
    std::string key = joined(slice->ns(), *service);
    std::set<std::string>& names = slices_of_[key];
    slice == &change.now ? void(names.emplace(slice->name()))
                         : void(names.erase(std::string(slice->name())));
    if (names.empty()) slices_of_.erase(key);
    mark(key);
  }
}

void Proxy::mark(const std::string& service) {
  dirty_.insert(service);
  if (known_ || (services_.synced() && slices_.synced())) arm({});
}

// What arrives in one turn of the loop becomes one transaction, and so does what arrives while one
// runs.
void Proxy::arm(bus::Duration delay) {
  if (busy_ || timer_ || !services_.synced() || !slices_.synced()) return;
  timer_ = ports_.clock.after(delay, [this] { on_turn(); });
}

// ---- what it does ----

void Proxy::on_turn() {
  timer_.reset();
  for (const std::string& service : std::exchange(dirty_, {})) update(service);
  std::string commands = known_ ? table_.changes() : table_.whole();
  if (commands.empty()) return;
  busy_ = true;
  ++stats_.transactions;
  dataplane_.apply(std::move(commands), [this](Status status) { on_applied(status); });
  if (options_.keep && !keep_timer_) {
    keep_timer_ = ports_.clock.after(kKeepAfter, [this] { on_keep_timeout(); });
  }
}

void Proxy::update(const std::string& key) {
  size_t slash = key.find('/');
  std::string ns = key.substr(0, slash);
  Object service = services_.find(ns, key.substr(slash + 1));
  if (!service) {
    order_.erase(key);
    return table_.set(key, {});
  }
  std::vector<Object> slices;
  if (auto names = slices_of_.find(key); names != slices_of_.end()) {
    for (const std::string& name : names->second) {
      if (Object slice = slices_.find(ns, name)) slices.push_back(std::move(slice));
    }
  }
  ServiceRules rules = rules_of(service, slices, options_.node, order_[key]);
  table_.set(key, rules.elements);
  order_[key] = std::move(rules.order);
}

void Proxy::on_applied(const Status& status) {
  busy_ = false;
  if (!status) {
    // Whatever the kernel has now: the next transaction makes all of it true.
    known_ = false;
    ++stats_.failures;
    ports_.log.error(status.error().message);
    bus::Duration delay = kFirstRetry * (1 << std::min(failures_in_a_row_++, 10));
    return arm(std::min(delay, kLastRetry));
  }
  known_ = true;
  failures_in_a_row_ = 0;
  if (!dirty_.empty()) arm({});
}

void Proxy::on_keep_timeout() {
  keep_timer_.reset();
  options_.keep(table_.text());
}

}  // namespace kubus::proxy
