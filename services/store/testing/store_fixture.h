// A whole store on a simulated bus and on disks in memory, for tests of the store and of components
// that speak to it:
//
//   testing::StoreWorld w(seed);
//   Got pod = w.create("pods", "default", R"({"metadata":{"name":"a"},"spec":{…}})");
//   Component component(w.host("scheduler").ports(), w.client_options("scheduler"));
//   w.world.run_for(std::chrono::seconds(1));
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/kit/client.h"
#include "bus/sim/world.h"
#include "schemas/bus/envelope_generated.h"
#include "services/store/engine/memory.h"
#include "services/store/journal/memory.h"
#include "services/store/store.h"

namespace kubus::store::testing {

// The kind of a resource, whatever its group; an unknown one ends the test program.
const schema::KindInfo& kind(std::string_view resource);
// Parses JSON; a broken text ends the test program.
boost::json::value parse(std::string_view text);

// One answer, taken apart.
struct Got {
  Status status;
  boost::json::value object;              // null: none
  std::vector<boost::json::value> items;  // of a list
  wire::OutcomeT outcome;

  explicit operator bool() const { return status.ok(); }
  Code code() const { return status.ok() ? Code::kInternal : status.error().code; }
  std::string message() const { return status.ok() ? "" : status.error().message; }
  uint64_t revision() const { return outcome.revision; }
  // The value at a path of member names: "metadata.name". null: there is none.
  boost::json::value at(std::string_view path) const;
  std::string text(std::string_view path) const;
};

class StoreWorld {
 public:
  explicit StoreWorld(uint64_t seed = 1, StoreOptions options = {});
  ~StoreWorld();

  // The simulated process of that name, made at its first mention.
  bus::sim::Host& host(const std::string& name);
  kit::ClientOptions client_options(const std::string& actor) const;
  // A client of that actor, on a process of its own.
  kit::Client& client(const std::string& actor);

  // The store's process dies; its disks stay. Clients go on asking.
  void crash();
  void start();
  void restart() {
    crash();
    start();
  }
  Store& store() { return *store_; }
  MemoryLog& log() { return *log_; }
  // A copy of what is in the tables, of everything so far.
  std::shared_ptr<MemoryTables> copy_of_tables();
  // Whether the tables hold these bytes anywhere.
  bool tables_hold(std::string_view bytes) const;

  // ---- what a client asks, waited for ----
  Got call(wire::RequestT request, const std::string& actor = "admin");
  Got create(std::string_view resource, std::string_view ns, std::string_view object,
             const std::string& actor = "admin");
  Got update(std::string_view resource, const boost::json::value& object,
             std::string_view subresource = "", const std::string& actor = "admin");
  Got patch(std::string_view resource, std::string_view ns, std::string_view name,
            std::string_view merge_patch, std::string_view subresource = "",
            const std::string& actor = "admin");
  Got get(std::string_view resource, std::string_view ns, std::string_view name,
          const std::string& actor = "admin");
  Got list(std::string_view resource, std::string_view ns, std::string_view labels = "",
           std::string_view fields = "", const std::string& actor = "admin");
  Got remove(std::string_view resource, std::string_view ns, std::string_view name,
             const std::string& actor = "admin");
  // A Pod with one container, and a Node.
  Got create_pod(std::string_view name, std::string_view node = "");
  Got create_node(std::string_view name);

  // Requests to be changed before they are sent.
  static wire::RequestT request(wire::Verb verb, std::string_view resource, std::string_view ns,
                                std::string_view name);
  static Buffer encode(std::string_view resource, const boost::json::value& object);

  bus::sim::World world;
  bus::Subjects subjects;

 private:
  Got take_apart(Result<kit::Answer> answer, const schema::KindInfo& kind) const;

  StoreOptions options_;
  std::shared_ptr<MemoryTables> tables_ = std::make_shared<MemoryTables>();
  std::shared_ptr<MemoryLog> log_ = std::make_shared<MemoryLog>();
  std::map<std::string, bus::sim::Host*> hosts_;
  std::map<std::string, std::unique_ptr<kit::Client>> clients_;
  std::unique_ptr<Store> store_;
};

}  // namespace kubus::store::testing
