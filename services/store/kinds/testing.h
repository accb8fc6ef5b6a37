// A world for tests of kinds: objects in memory, allocators that count up, randomness that does not
// surprise.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>
#include <string>

#include "schemas/lib/codec/codec.h"
#include "services/store/kinds/kinds.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {

class TestLookup final : public Lookup {
 public:
  std::optional<Object> get(const ObjectKey& key) const override {
    auto it = objects_.find(key.str());
    return it == objects_.end() ? std::nullopt : std::optional<Object>(it->second);
  }
  std::vector<Object> all(const KindInfo& kind) const override {
    std::vector<Object> out;
    for (const auto& [key, object] : objects_) {
      if (&object.kind() == &kind) out.push_back(object);
    }
    return out;
  }
  void put(const KindInfo& info, std::string_view name, const json::value& body) {
    Result<Buffer> bytes = codec::from_value(info, body, nullptr);
    objects_[ObjectKey{&info, "", std::string(name)}.str()] =
        Object::trusted(info, Payload(*std::move(bytes)));
  }
  void put(std::string_view kind, std::string_view ns, std::string_view name,
           json::object body = {}) {
    const KindInfo& info = *schema::Registry::get().by_kind("", "v1", kind);
    json::object& meta = make_object(body, "metadata");
    meta["name"] = name;
    if (!ns.empty()) meta["namespace"] = ns;
    Result<Buffer> bytes = codec::from_value(info, json::value(body), nullptr);
    objects_[ObjectKey{&info, std::string(ns), std::string(name)}.str()] =
        Object::trusted(info, Payload(*std::move(bytes)));
  }

 private:
  std::map<std::string, Object> objects_;
};

class TestAllocator final : public Allocator {
 public:
  Outcome claim_cluster_ip(std::string* address) override {
    if (address->empty()) *address = "10.96.0." + std::to_string(next_ip_++);
    if (address->substr(0, 6) != "10.96.") return Outcome::kOutOfRange;
    return addresses.insert(*address).second ? Outcome::kOk : Outcome::kTaken;
  }
  void release_cluster_ip(std::string_view address) override {
    addresses.erase(std::string(address));
  }
  Outcome claim_node_port(int32_t* port) override {
    if (*port == 0) *port = next_port_++;
    if (*port < 30000 || *port > 32767) return Outcome::kOutOfRange;
    return ports.insert(*port).second ? Outcome::kOk : Outcome::kTaken;
  }
  void release_node_port(int32_t port) override { ports.erase(port); }
  Outcome claim_pod_cidr(std::string* cidr) override {
    if (cidr->empty()) *cidr = "10.244." + std::to_string(next_cidr_++) + ".0/24";
    if (cidr->substr(0, 7) != "10.244.") return Outcome::kOutOfRange;
    return cidrs.insert(*cidr).second ? Outcome::kOk : Outcome::kTaken;
  }
  void release_pod_cidr(std::string_view cidr) override { cidrs.erase(std::string(cidr)); }
  std::string cluster_ip_range() const override { return "10.96.0.0/16"; }
  std::string node_port_range() const override { return "30000-32767"; }

  std::set<std::string> addresses, cidrs;
  std::set<int32_t> ports;

 private:
  int next_ip_ = 10, next_port_ = 31000, next_cidr_ = 1;
};

class TestRandom final : public bus::Random {
 public:
  uint64_t next() override { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }

 private:
  uint64_t state_ = 1;
};

struct World {
  World() {
    for (const char* ns : {"default", "golden"}) {
      lookup.put("Namespace", "", ns);
      lookup.put("ServiceAccount", ns, "default");
    }
  }

  TestLookup lookup;
  TestAllocator allocator;
  TestRandom random;

  Context context(const KindInfo& kind, std::string_view ns = "golden",
                  std::string_view name = "") {
    return Context{kind,  kind.namespaced ? ns : "", name, 1700000000, "admin", lookup, allocator,
                   random};
  }

  static const KindInfo& kind(std::string_view group, std::string_view name) {
    return *schema::Registry::get().by_kind(group, "v1", name);
  }

  // Into codec's canonical form. The error is the codec's.
  static Result<json::object> canonical(const KindInfo& kind, const json::value& v,
                                        std::vector<codec::Problem>* problems = nullptr) {
    Result<Buffer> bytes = codec::from_value(kind, v, problems);
    if (!bytes) return std::move(bytes).error();
    return codec::to_value(kind, *bytes).as_object();
  }

  Result<json::object> create(const KindInfo& kind, const json::value& in) {
    Result<json::object> object = canonical(kind, in);
    if (!object) return object;
    Context ctx = context(kind);
    if (Status s = admit_create(ctx, *object); !s) return std::move(s).error();
    return canonical(kind, json::value(*object));
  }

  Result<json::object> update(const KindInfo& kind, const json::object& before,
                              const json::value& in) {
    Result<json::object> object = canonical(kind, in);
    if (!object) return object;
    Context ctx = context(kind);
    if (Status s = admit_update(ctx, before, *object); !s) return std::move(s).error();
    return canonical(kind, json::value(*object));
  }
};

}  // namespace kubus::store::kinds
