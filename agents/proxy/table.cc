#include "agents/proxy/table.h"

#include <fmt/format.h>

namespace kubus::proxy {
namespace {

constexpr size_t kBatch = 2000;  // elements of one command

bool holds_several(const ElementKey& key) {
  return key.map == "hairpin";
}

// Element commands of one kind, gathered by map.
class Commands {
 public:
  explicit Commands(const std::string& table) : table_(table) {}

  void add(const char* verb, const ElementKey& key, const std::string& value) {
    std::string& list = lists_[{verb, key.map}];
    list += list.empty() ? "" : ", ";
    list += key.key;
    if (!value.empty()) list += " : " + value;
    if (++counts_[{verb, key.map}] >= kBatch) flush({verb, key.map});
  }
  // Removals first: a key that changes is removed and added in one transaction.
  std::string take(const char* verb) {
    for (const auto& [what, list] : lists_) {
      if (what.first == verb && !list.empty()) write(what, list);
    }
    std::erase_if(lists_, [&](const auto& l) { return l.first.first == verb; });
    return std::move(out_[verb]);
  }

 private:
  using What = std::pair<std::string, std::string>;
  void flush(const What& what) {
    write(what, lists_[what]);
    lists_[what].clear();
    counts_[what] = 0;
  }
  void write(const What& what, const std::string& list) {
    out_[what.first] +=
        fmt::format("{} element ip {} {} {{ {} }}\n", what.first, table_, what.second, list);
  }

  const std::string& table_;
  std::map<What, std::string> lists_;
  std::map<What, size_t> counts_;
  std::map<std::string, std::string> out_;
};

}  // namespace

std::string table_name(const std::string& cluster) {
  std::string out = "kubus-";
  for (char c : cluster) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    out += plain ? std::string(1, c) : fmt::format("_{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

void Table::set(const std::string& service, const Elements& elements) {
  Elements before = std::move(by_service_[service]);
  for (const auto& [key, value] : before) {
    auto still = elements.find(key);
    if (still == elements.end()) take(service, key);
  }
  for (const auto& [key, value] : elements) {
    auto had = before.find(key);
    if (had == before.end() || had->second != value) give(service, key, value);
  }
  by_service_[service] = elements;
  if (elements.empty()) by_service_.erase(service);
}

void Table::give(const std::string& service, const ElementKey& key, const std::string& value) {
  auto [at, made] = elements_.try_emplace(key);
  Element& e = at->second;
  bool others = !e.holders.empty() && !(e.holders.size() == 1 && e.holders.count(service));
  if (others && !holds_several(key)) return;
  e.holders.insert(service);
  if (!made && e.value == value) return;
  if (!fresh_.count(key) && !before_.count(key)) {
    made ? void(fresh_.insert(key)) : void(before_.emplace(key, e.value));
  }
  e.value = value;
  values_[key] = value;
}

void Table::take(const std::string& service, const ElementKey& key) {
  auto at = elements_.find(key);
  if (at == elements_.end() || !at->second.holders.erase(service)) return;
  if (!at->second.holders.empty()) return;
  if (!fresh_.erase(key)) before_.emplace(key, at->second.value);
  values_.erase(key);
  elements_.erase(at);
}

// "goto c3" needs the chain c3.
std::string Table::chain_for(const std::string& value, std::set<std::string>* chains) const {
  if (!value.starts_with("goto ")) return "";
  std::string chain = value.substr(5);
  if (!chains->insert(chain).second) return "";
  char kind = chain[0];
  bool node = kind == 'n' || kind == 'm', hashed = chain[1] == 'a';
  std::string key = node ? "" : "ip daddr . ";
  std::string pick = hashed ? fmt::format("jhash ip saddr mod {} seed 0x6b756275", kSlots)
                            : "numgen random mod " + chain.substr(1);
  std::string map = fmt::format("{}_{}", node ? "node" : "cluster", hashed ? "slots" : "endpoints");
  std::string mark = kind == 'c'
                         ? "ip saddr != " + options_.pod_cidr + " meta mark set meta mark or 0x4000"
                     : kind == 'e' || kind == 'n' ? "meta mark set meta mark or 0x4000"
                                                  : "";
  std::string out =
      fmt::format("add chain ip {0} {1}\nflush chain ip {0} {1}\n", options_.name, chain);
  if (!mark.empty()) out += fmt::format("add rule ip {} {} {}\n", options_.name, chain, mark);
  out += fmt::format("add rule ip {} {} ct mark set {}\n", options_.name, chain, pick);
  out += fmt::format("add rule ip {} {} dnat ip to {}meta l4proto . th dport . ct mark map @{}\n",
                     options_.name, chain, key, map);
  return out;
}

std::string Table::changes() {
  Commands commands(options_.name);
  std::string chains;
  for (const auto& [key, old] : before_) {
    auto now = values_.find(key);
    if (now != values_.end() && now->second == old) continue;
    commands.add("delete", key, "");
    if (now == values_.end()) continue;
    chains += chain_for(now->second, &chains_);
    commands.add("add", key, now->second);
  }
  for (const ElementKey& key : fresh_) {
    const std::string& value = values_.at(key);
    chains += chain_for(value, &chains_);
    commands.add("add", key, value);
  }
  before_.clear();
  fresh_.clear();
  std::string removals = commands.take("delete");
  return chains + removals + commands.take("add");
}

std::string Table::whole() {
  chains_.clear();
  before_.clear();
  fresh_.clear();
  return render(&chains_);
}

std::string Table::text() const {
  std::set<std::string> chains;
  return render(&chains);
}

std::string Table::render(std::set<std::string>* chains) const {
  Commands commands(options_.name);
  std::string made;
  for (const auto& [key, value] : values_) {
    made += chain_for(value, chains);
    commands.add("add", key, value);
  }
  return frame() + made + commands.take("add");
}

// The chains at the hooks, and empty maps. Flushing and filling is one transaction, so nobody ever
// sees them empty.
std::string Table::frame() const {
  const std::string& t = options_.name;
  std::string out = fmt::format("add table ip {}\n", t);
  auto map = [&](const char* name, const char* type) {
    out += fmt::format("add map ip {0} {1} {{ {2}; }}\nflush map ip {0} {1}\n", t, name, type);
  };
  auto set = [&](const char* name, const char* type) {
    out += fmt::format("add set ip {0} {1} {{ {2}; }}\nflush set ip {0} {1}\n", t, name, type);
  };
  auto chain = [&](const char* name, const char* hook, std::initializer_list<std::string> rules) {
    out += fmt::format("add chain ip {0} {1} {2}\nflush chain ip {0} {1}\n", t, name, hook);
    for (const std::string& r : rules) out += fmt::format("add rule ip {} {} {}\n", t, name, r);
  };
  // The number travels in the connection's mark: nftables 1.0.6 takes no number that has no named
  // type in the key of a map that is there already.
  for (const char* name : {"cluster_endpoints", "cluster_slots"}) {
    map(name, "type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service");
  }
  for (const char* name : {"node_endpoints", "node_slots"}) {
    map(name, "type inet_proto . inet_service . mark : ipv4_addr . inet_service");
  }
  map("cluster_ports", "type ipv4_addr . inet_proto . inet_service : verdict");
  map("node_ports", "type inet_proto . inet_service : verdict");
  set("cluster_empty", "type ipv4_addr . inet_proto . inet_service");
  set("node_empty", "type inet_proto . inet_service");
  set("hairpin", "type ipv4_addr . ipv4_addr");

  const std::string here = "ip daddr != 127.0.0.0/8 fib daddr type local ";
  chain("services", "",
        {"ip daddr . meta l4proto . th dport vmap @cluster_ports",
         here + "meta l4proto . th dport vmap @node_ports"});
  chain("refused", "", {"meta l4proto tcp reject with tcp reset", "reject"});
  chain("empty", "",
        {"ip daddr . meta l4proto . th dport @cluster_empty goto refused",
         here + "meta l4proto . th dport @node_empty goto refused"});
  auto hook = [](const char* type, const char* at, int priority) {
    return fmt::format("{{ type {} hook {} priority {}; }}", type, at, priority);
  };
  chain("nat_prerouting", hook("nat", "prerouting", -100).c_str(), {"goto services"});
  chain("nat_output", hook("nat", "output", -100).c_str(), {"goto services"});
  chain(
      "nat_postrouting", hook("nat", "postrouting", 100).c_str(),
      {"ct status dnat ip saddr . ip daddr @hairpin masquerade", "meta mark and 0x4000 == 0 return",
       "meta mark set meta mark xor 0x4000", "masquerade fully-random"});
  for (const char* at : {"input", "forward", "output"}) {
    chain((std::string("filter_") + at).c_str(), hook("filter", at, -110).c_str(),
          {"ct state new goto empty"});
  }
  return out;
}

}  // namespace kubus::proxy
