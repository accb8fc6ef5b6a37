// Controllers on a whole store in the simulator: what they write is decided, admitted and refused
// as in a cluster.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "services/controllers/controller.h"
#include "services/controllers/endpointslice/endpointslice.h"
#include "services/controllers/gc/gc.h"
#include "services/controllers/namespace/namespace.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::controllers::testing {

using Names = std::set<std::string>;

class World {
 public:
  explicit World(uint64_t seed = 1) : api(seed, options()) { start(); }

  // The process that hosts them, without an election.
  struct Process {
    Process(bus::Ports ports, kit::ClientOptions options)
        : client(ports, std::move(options)),
          informers(ports, client),
          shared{ports, client, informers},
          slices(shared),
          spaces(shared),
          garbage(shared) {
      informers.start();
    }
    kit::Client client;
    Informers informers;
    Shared shared;
    endpointslice::EndpointSlices slices;
    namespaces::Namespaces spaces;
    gc::GarbageCollector garbage;
  };
  bus::sim::Host& host() { return api.host("controllers"); }
  void start() {
    process = std::make_unique<Process>(host().ports(), api.client_options("controllers"));
  }
  // Dies without a last word.
  void crash() {
    host().set_connected(false);
    process.reset();
    host().set_connected(true);
  }
  void run(bus::Duration d = std::chrono::seconds(5)) { api.world.run_for(d); }
  // What was on its way to them is lost, and then a third of everything for a while.
  void lose(bus::Duration d = std::chrono::milliseconds(700)) {
    host().overrun();
    api.world.faults().drop = 300;
    run(d);
    api.world.faults().drop = 0;
  }
  uint64_t revision() { return api.store().state().committed().revision().value(); }

  // They die after each single write in turn, until none is left; `check` must hold at the end of
  // each round. `prepare` brings the world to where they begin, with nobody there.
  static void crash_after_each_write(const std::function<void(World&)>& prepare,
                                     const std::function<void(World&)>& check) {
    for (uint64_t k = 1;; ++k) {
      ASSERT_LT(k, 200u) << "they never come to rest";
      World w;
      w.run();
      w.crash();
      prepare(w);
      uint64_t begin = w.revision();
      w.start();
      bool died = w.api.world.run_until([&] { return w.revision() >= begin + k; },
                                        std::chrono::seconds(10));
      if (died) {
        w.crash();
        w.start();
      }
      w.run(std::chrono::seconds(20));
      check(w);
      if (::testing::Test::HasFailure()) FAIL() << "having died after write " << k;
      if (!died) return;
    }
  }

  // ---- what there is ----

  Names names(std::string_view resource, std::string_view ns) {
    Names out;
    std::string token;
    do {
      auto request = store::testing::StoreWorld::request(wire::Verb::List, resource, ns, "");
      request.operations[0]->continue_token = token;
      auto page = api.call(std::move(request));
      for (const auto& item : page.items) {
        std::string name(item.at("metadata").at("name").as_string());
        if (name != "kube-root-ca.crt" && name != "default") out.insert(name);
      }
      token = page.outcome.continue_token;
    } while (!token.empty());
    return out;
  }
  bool there(std::string_view resource, std::string_view ns, std::string_view name) {
    return bool(api.get(resource, ns, name));
  }
  std::string uid(std::string_view resource, std::string_view ns, std::string_view name) {
    return api.get(resource, ns, name).text("metadata.uid");
  }

  // A ConfigMap with these references of owners, JSON texts.
  void map(const std::string& name, const std::string& owners = "", const std::string& more = "") {
    auto made = api.create("configmaps", "default",
                           R"({"metadata":{"name":")" + name + R"(","ownerReferences":[)" + owners +
                               "]" + more + "}}");
    ASSERT_TRUE(made) << made.message();
  }
  std::string owner(const std::string& name, bool blocks = true) {
    return owner_of("v1", "ConfigMap", name, uid("configmaps", "default", name), blocks);
  }
  static std::string owner_of(const std::string& api_version, const std::string& kind,
                              const std::string& name, const std::string& uid, bool blocks = true) {
    return boost::json::serialize(boost::json::object{{"apiVersion", api_version},
                                                      {"kind", kind},
                                                      {"name", name},
                                                      {"uid", uid},
                                                      {"blockOwnerDeletion", blocks}});
  }
  store::testing::Got remove(const std::string& resource, const std::string& ns,
                             const std::string& name, wire::Propagation how) {
    auto request = store::testing::StoreWorld::request(wire::Verb::Delete, resource, ns, name);
    request.operations[0]->propagation = how;
    return api.call(std::move(request));
  }

  store::testing::StoreWorld api;
  std::unique_ptr<Process> process;

 private:
  static store::StoreOptions options() {
    store::StoreOptions out;
    out.cluster_ca = "the authority";
    return out;
  }
};

}  // namespace kubus::controllers::testing
