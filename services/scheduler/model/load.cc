#include "services/scheduler/model/load.h"

#include <algorithm>
#include <map>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::scheduler {
namespace {

using core::v1::Container;
using core::v1::PodSpec;
using Entries = flatbuffers::Vector<flatbuffers::Offset<meta::v1::QuantityEntry>>;

constexpr int64_t kGuessedCpu = 100;                   // thousandths
constexpr int64_t kGuessedMemory = 200 * 1024 * 1024;  // bytes

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

// What one container or several ask for.
struct Sum {
  Amounts amounts{};
  int64_t scored_cpu = 0, scored_memory = 0;
  std::map<NameId, int64_t> extended;

  void add(const Sum& o) {
    for (size_t r = 0; r < kResources; ++r) amounts[r] += o.amounts[r];
    scored_cpu += o.scored_cpu;
    scored_memory += o.scored_memory;
    for (auto [name, amount] : o.extended) extended[name] += amount;
  }
  void raise_to(const Sum& o) {
    for (size_t r = 0; r < kResources; ++r) amounts[r] = std::max(amounts[r], o.amounts[r]);
    scored_cpu = std::max(scored_cpu, o.scored_cpu);
    scored_memory = std::max(scored_memory, o.scored_memory);
    for (auto [name, amount] : o.extended) {
      int64_t& mine = extended[name];
      mine = std::max(mine, amount);
    }
  }
};

class Adder {
 public:
  Adder(const PodSpec& spec, Names& names) : spec_(spec), names_(names) {}

  Load run() {
    Sum total;
    each(spec_.containers(), [&](const Container& c) { total.add(asked_by(c)); });
    Sum sidecars, most;
    each(spec_.init_containers(), [&](const Container& c) {
      Sum own = asked_by(c);
      if (is_sidecar(c)) {
        total.add(own);
        sidecars.add(own);
        most.raise_to(sidecars);
      } else {
        own.add(sidecars);
        most.raise_to(own);
      }
    });
    total.raise_to(most);
    replace_by_pods_own(&total);
    add_overhead(&total);
    return finish(std::move(total));
  }

 private:
  template <class F>
  static void each(const flatbuffers::Vector<flatbuffers::Offset<Container>>* list, F&& f) {
    if (!list) return;
    for (const Container* c : *list) f(*c);
  }

  static bool is_sidecar(const Container& c) { return view(c.restart_policy()) == "Always"; }

  Sum asked_by(const Container& c) {
    Sum sum;
    if (const auto* r = c.resources(); r && r->requests()) set(*r->requests(), &sum);
    sum.scored_cpu = sum.amounts[kCpu] ? sum.amounts[kCpu] : kGuessedCpu;
    sum.scored_memory = sum.amounts[kMemory] ? sum.amounts[kMemory] : kGuessedMemory;
    return sum;
  }

  void set(const Entries& entries, Sum* sum) {
    for (const auto* e : entries) {
      Resource r = resource_named(view(e->key()));
      int64_t amount = amount_of(r, view(e->value()));
      if (r != kResources) {
        sum->amounts[r] = amount;
      } else if (amount != 0) {
        sum->extended[names_.intern(view(e->key()))] = amount;
      }
    }
  }

  void replace_by_pods_own(Sum* total) {
    const auto* own = spec_.resources() ? spec_.resources()->requests() : nullptr;
    if (!own) return;
    set(*own, total);
    for (const auto* e : *own) {
      if (view(e->key()) == "cpu") total->scored_cpu = total->amounts[kCpu];
      if (view(e->key()) == "memory") total->scored_memory = total->amounts[kMemory];
    }
  }

  void add_overhead(Sum* total) {
    if (!spec_.overhead()) return;
    Sum overhead;
    set(*spec_.overhead(), &overhead);
    overhead.scored_cpu = overhead.amounts[kCpu];
    overhead.scored_memory = overhead.amounts[kMemory];
    total->add(overhead);
  }

  Load finish(Sum total) {
    Load load;
    load.amounts = total.amounts;
    load.amounts[kPods] = 1;
    load.scored_cpu = total.scored_cpu;
    load.scored_memory = total.scored_memory;
    load.extended.assign(total.extended.begin(), total.extended.end());
    for (int64_t& amount : load.amounts) amount = std::min(amount, kMostAmount);
    for (auto& [name, amount] : load.extended) amount = std::min(amount, kMostAmount);
    load.scored_cpu = std::min(load.scored_cpu, kMostAmount);
    load.scored_memory = std::min(load.scored_memory, kMostAmount);
    each(spec_.containers(), [&](const Container& c) { add_ports(c, &load); });
    each(spec_.init_containers(), [&](const Container& c) {
      if (is_sidecar(c)) add_ports(c, &load);
    });
    std::sort(load.ports.begin(), load.ports.end());
    return load;
  }

  void add_ports(const Container& c, Load* load) {
    if (!c.ports()) return;
    bool hosts = spec_.host_network().value_or(false);
    for (const auto* p : *c.ports()) {
      int32_t port = p->host_port().value_or(0);
      if (port == 0 && hosts) port = p->container_port().value_or(0);
      if (port == 0) continue;
      std::string_view ip = view(p->host_ip()), protocol = view(p->protocol());
      bool any = ip.empty() || ip == "0.0.0.0" || ip == "::";
      load->ports.push_back({any ? kNoName : names_.intern(ip),
                             names_.intern(protocol.empty() ? "TCP" : protocol), port});
    }
  }

  const PodSpec& spec_;
  Names& names_;
};

}  // namespace

Resource resource_named(std::string_view name) {
  if (name == "cpu") return kCpu;
  if (name == "memory") return kMemory;
  if (name == "ephemeral-storage") return kStorage;
  if (name == "pods") return kPods;
  return kResources;
}

int64_t amount_of(Resource resource, std::string_view quantity) {
  auto parsed = Quantity::parse(quantity);
  if (!parsed) return 0;
  return std::clamp<int64_t>(resource == kCpu ? parsed->milli() : parsed->units(), 0, kMostAmount);
}

Load load_of(const Object& pod, Names& names) {
  const PodSpec* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec) return {.amounts = {0, 0, 0, 1}};
  return Adder(*spec, names).run();
}

}  // namespace kubus::scheduler
