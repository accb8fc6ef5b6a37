#include "agents/kubelet/pods/service_links.h"

#include <algorithm>
#include <cctype>

#include "schemas/core/v1/service_generated.h"
#include "schemas/lib/base/check.h"

namespace kubus::kubelet {
namespace {

constexpr bus::Duration kFresh = std::chrono::seconds(10);
constexpr size_t kMostNamespaces = 1024;
constexpr const char* kHome = "default";
constexpr const char* kApi = "kubernetes";

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

std::string variable(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string lower(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

bool is_linked(const Object& service) {
  const auto* spec = service.as<core::v1::Service>()->spec();
  std::string ip = spec ? text(spec->cluster_ip()) : "";
  return !ip.empty() && ip != "None" && spec->ports() && spec->ports()->size() > 0;
}

void add_service(const Object& service, Environment* out) {
  const auto* spec = service.as<core::v1::Service>()->spec();
  std::string prefix = variable(service.name()), ip = text(spec->cluster_ip());
  auto number = [](const auto* port) { return std::to_string(port->port().value_or(0)); };
  const auto* first = spec->ports()->Get(0);
  out->emplace_back(prefix + "_SERVICE_HOST", ip);
  out->emplace_back(prefix + "_SERVICE_PORT", number(first));
  for (const auto* port : *spec->ports()) {
    std::string name = text(port->name());
    if (!name.empty()) out->emplace_back(prefix + "_SERVICE_PORT_" + variable(name), number(port));
  }
  for (const auto* port : *spec->ports()) {
    std::string protocol = port->protocol() ? port->protocol()->str() : "TCP";
    std::string url = lower(protocol) + "://" + ip + ":" + number(port);
    if (port == first) out->emplace_back(prefix + "_PORT", url);
    std::string own = prefix + "_PORT_" + number(port) + "_" + protocol;
    out->emplace_back(own, url);
    out->emplace_back(own + "_PROTO", lower(protocol));
    out->emplace_back(own + "_PORT", number(port));
    out->emplace_back(own + "_ADDR", ip);
  }
}

}  // namespace

Environment service_links(const std::vector<Object>& services) {
  std::vector<const Object*> sorted;
  for (const Object& s : services) {
    if (is_linked(s)) sorted.push_back(&s);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Object* a, const Object* b) { return a->name() < b->name(); });
  Environment out;
  for (const Object* s : sorted) add_service(*s, &out);
  return out;
}

void ServiceCache::fetch(const std::string& ns, std::function<void(bool)> done) {
  if (ns != kHome && !known_[kHome].answered) {
    std::weak_ptr<bool> alive = alive_;
    return fetch(kHome, [this, alive, ns, done = std::move(done)](bool good) {
      if (alive.expired()) return;
      if (!good) return done(false);
      fetch(ns, done);
    });
  }
  Known& known = known_[ns];
  if (!known.answered && !ports_.bus.connected()) return done(false);
  bool fresh = known.answered && ports_.clock.now() - known.asked < kFresh;
  bool answered = known.answered;
  if (!answered) known.waiting.push_back(done);
  if (!fresh && !known.asking) ask(ns);
  if (answered) done(true);
}

void ServiceCache::ask(const std::string& ns) {
  static const schema::KindInfo* const kServices =
      schema::Registry::get().by_resource("", "services");
  KUBUS_CHECK(kServices);
  known_[ns].asking = true;
  std::weak_ptr<bool> alive = alive_;
  client_.list_all(*kServices, ns, "", "", [this, alive, ns](Result<kit::Page> page) {
    if (!alive.expired()) on_list(ns, std::move(page));
  });
}

void ServiceCache::on_list(const std::string& ns, Result<kit::Page> page) {
  Known& known = known_[ns];
  known.asking = false;
  if (page) {
    known.answered = true;
    known.asked = ports_.clock.now();
    known.services = std::move(page->items);
  }
  bool good = known.answered;
  auto waiting = std::exchange(known.waiting, {});
  for (const auto& done : waiting) done(good);
  if (known_.size() > kMostNamespaces)
    std::erase_if(known_, [](const auto& k) { return k.first != kHome && !k.second.asking; });
}

Environment ServiceCache::links(const std::string& ns, bool all) const {
  std::vector<Object> out;
  auto take = [&](const std::string& from, bool everything) {
    auto known = known_.find(from);
    if (known == known_.end()) return;
    if (everything && known->second.services.size() > kMostLinkedServices) return;
    for (const Object& s : known->second.services) {
      if (everything || s.name() == kApi) out.push_back(s);
    }
  };
  bool home = ns == kHome;
  take(kHome, all && home && known_.count(kHome) &&
                  known_.at(kHome).services.size() <= kMostLinkedServices);
  if (all && !home) take(ns, true);
  return service_links(out);
}

}  // namespace kubus::kubelet
