#include "agents/proxy/rules.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "schemas/core/v1/service_generated.h"
#include "schemas/discovery/v1/discovery_generated.h"

namespace kubus::proxy {
namespace {

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Addresses come from objects that anyone may have written: nothing else gets into a command.
bool is_ipv4(std::string_view s) {
  int parts = 0;
  while (true) {
    size_t dot = s.find('.');
    std::string_view part = s.substr(0, dot);
    if (part.empty() || part.size() > 3) return false;
    if (!std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      return false;
    }
    if (std::stoi(std::string(part)) > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    s.remove_prefix(dot + 1);
  }
}

uint64_t hash(std::string_view s, uint64_t h = 14695981039346656037ull) {
  for (char c : s) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9ull;
  return h ^ (h >> 32);
}

std::string join(std::initializer_list<std::string> parts) {
  std::string out;
  for (const std::string& p : parts) out += (out.empty() ? "" : " . ") + p;
  return out;
}

std::string target_of(const Endpoint& e) {
  return join({e.address, std::to_string(e.port)});
}

struct Candidates {
  std::set<Endpoint> all, local;
  const std::set<Endpoint>& of(bool local_only) const { return local_only ? local : all; }
};

// Ready endpoints; if there are none, those that still serve while they end.
Candidates candidates(const std::vector<Object>& slices, std::string_view port_name,
                      std::string_view protocol, const std::string& node) {
  Candidates ready, ending;
  for (const Object& object : slices) {
    const auto* slice = object.as<discovery::v1::EndpointSlice>();
    if (text(slice->address_type()) != "IPv4" || !slice->ports() || !slice->endpoints()) continue;
    int number = 0;
    for (const auto* p : *slice->ports()) {
      std::string_view of = p->protocol() ? p->protocol()->string_view() : "TCP";
      if (text(p->name()) == port_name && of == protocol) number = p->port().value_or(0);
    }
    if (number <= 0 || number > 65535) continue;
    for (const auto* e : *slice->endpoints()) {
      if (!e->addresses() || e->addresses()->size() == 0) continue;
      std::string_view address = text(e->addresses()->Get(0));
      if (!is_ipv4(address)) continue;
      const auto* c = e->conditions();
      bool is_ready = !c || c->ready().value_or(true);
      bool serves = c && c->serving().value_or(is_ready) && c->terminating().value_or(false);
      if (!is_ready && !serves) continue;
      Candidates& to = is_ready ? ready : ending;
      Endpoint endpoint{std::string(address), number};
      if (text(e->node_name()) == node) to.local.insert(endpoint);
      to.all.insert(std::move(endpoint));
    }
  }
  Candidates out;
  out.all = ready.all.empty() ? std::move(ending.all) : std::move(ready.all);
  out.local = ready.local.empty() ? std::move(ending.local) : std::move(ready.local);
  return out;
}

// Those that stay keep their place; the last ones fill what became empty.
std::vector<Endpoint> ordered(const std::vector<Endpoint>* before, std::set<Endpoint> now) {
  std::vector<Endpoint> out;
  size_t many = now.size();
  std::vector<Endpoint> late;
  if (before) {
    out.resize(std::min(before->size(), many));
    for (size_t i = 0; i < before->size(); ++i) {
      auto at = now.find((*before)[i]);
      if (at == now.end()) continue;
      i < out.size() ? void(out[i] = *at) : late.push_back(*at);
      now.erase(at);
    }
  }
  late.insert(late.end(), now.begin(), now.end());
  auto next = late.begin();
  for (Endpoint& e : out) {
    if (e.address.empty()) e = *next++;
  }
  out.insert(out.end(), next, late.end());
  return out;
}

class Writer {
 public:
  Writer(const Object& service, const std::vector<Object>& slices, const std::string& node,
         const std::map<std::string, std::vector<Endpoint>>& before)
      : spec_(service.as<core::v1::Service>()->spec()),
        status_(service.as<core::v1::Service>()->status()),
        slices_(slices),
        node_(node),
        before_(before) {}

  ServiceRules run() {
    if (!spec_ || !spec_->ports() || text(spec_->type()) == "ExternalName") return {};
    if (!is_ipv4(text(spec_->cluster_ip()))) return {};
    affinity_ = text(spec_->session_affinity()) == "ClientIP";
    for (const auto* port : *spec_->ports()) write(*port);
    return std::move(out_);
  }

 private:
  void write(const core::v1::ServicePort& port) {
    std::string protocol = port.protocol() ? port.protocol()->str() : "TCP";
    if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") return;
    Candidates found = candidates(slices_, text(port.name()), protocol, node_);
    std::string l4 = lower(protocol), number = std::to_string(port.port().value_or(0));
    bool inside_local = text(spec_->internal_traffic_policy()) == "Local";
    bool outside_local = text(spec_->external_traffic_policy()) == "Local";
    std::string ip(text(spec_->cluster_ip()));
    serve("cluster", "c", join({ip, l4, number}), found, inside_local);
    for (const std::string& address : outside_addresses()) {
      if (address == ip) continue;
      serve("cluster", outside_local ? "l" : "e", join({address, l4, number}), found,
            outside_local);
    }
    if (int node_port = port.node_port().value_or(0); node_port > 0) {
      serve("node", outside_local ? "m" : "n", join({l4, std::to_string(node_port)}), found,
            outside_local);
    }
  }

  std::set<std::string> outside_addresses() const {
    std::set<std::string> out;
    auto add = [&](std::string_view s) {
      if (is_ipv4(s)) out.emplace(s);
    };
    if (spec_->external_ips()) {
      for (const auto* s : *spec_->external_ips()) add(text(s));
    }
    if (status_ && status_->load_balancer() && status_->load_balancer()->ingress()) {
      for (const auto* i : *status_->load_balancer()->ingress()) {
        if (text(i->ip_mode()) != "Proxy") add(text(i->ip()));
      }
    }
    return out;
  }

  // One way in. `family`: "cluster" or "node", whose maps hold it; `kind`: the first letter of the
  // chains that serve it.
  void serve(const std::string& family, const std::string& kind, const std::string& key,
             const Candidates& found, bool local_only) {
    const std::set<Endpoint>& wanted = found.of(local_only);
    if (wanted.empty()) {
      // Elsewhere there are some: it is not for this node to say that there are none.
      if (!found.all.empty()) return put(family + "_ports", key, "drop");
      return put(family + "_empty", key, "");
    }
    std::string name = family + " " + key;
    auto old = before_.find(name);
    std::vector<Endpoint> list = ordered(old == before_.end() ? nullptr : &old->second, wanted);
    for (const Endpoint& e : list) put("hairpin", join({e.address, e.address}), "");
    if (affinity_) {
      put(family + "_ports", key, "goto " + kind + "a");
      for (int slot = 0; slot < kSlots; ++slot) {
        put(family + "_slots", join({key, std::to_string(slot)}), target_of(owner(list, slot)));
      }
    } else {
      put(family + "_ports", key, "goto " + kind + std::to_string(list.size()));
      for (size_t i = 0; i < list.size(); ++i) {
        put(family + "_endpoints", join({key, std::to_string(i)}), target_of(list[i]));
      }
    }
    out_.order[name] = std::move(list);
  }

  static const Endpoint& owner(const std::vector<Endpoint>& list, int slot) {
    return *std::max_element(list.begin(), list.end(), [&](const Endpoint& a, const Endpoint& b) {
      return weight(a, slot) < weight(b, slot);
    });
  }
  static std::pair<uint64_t, Endpoint> weight(const Endpoint& e, int slot) {
    return {hash(target_of(e), hash(std::to_string(slot))), e};
  }

  void put(const std::string& map, const std::string& key, const std::string& value) {
    out_.elements[{map, key}] = value;
  }

  const core::v1::ServiceSpec* spec_;
  const core::v1::ServiceStatus* status_;
  const std::vector<Object>& slices_;
  const std::string& node_;
  const std::map<std::string, std::vector<Endpoint>>& before_;
  bool affinity_ = false;
  ServiceRules out_;
};

}  // namespace

ServiceRules rules_of(const Object& service, const std::vector<Object>& slices,
                      const std::string& node,
                      const std::map<std::string, std::vector<Endpoint>>& order) {
  return Writer(service, slices, node, order).run();
}

}  // namespace kubus::proxy
