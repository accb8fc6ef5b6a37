// Makes the past of many Pods, without a bus. usage:
//   memory-load build DIRECTORY POD.json OBJECTS EVENTS   a state of that many Pods and changes of
//                                                         their status, in DIRECTORY/tables
//   memory-load archive DIRECTORY FILE                    all of it in an archive of a cluster
//                                                         "bench", for `kubus-store --restore`
// Both print one JSON object on one line; build: with the bytes on the disk an event.
#include <sys/stat.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "bus/archive/file/file.h"
#include "bus/sim/world.h"
#include "schemas/lib/codec/codec.h"
#include "services/store/engine/lmdb.h"
#include "services/store/journal/memory.h"
#include "services/store/state/state.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;
namespace json = boost::json;

constexpr size_t kMapBytes = size_t{64} << 30;

std::unique_ptr<store::State> open_state(bus::Ports ports, const std::string& directory) {
  auto engine = store::open_lmdb({.directory = directory + "/tables", .map_size = kMapBytes});
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message.c_str());
    std::exit(1);
  }
  store::StateOptions options;
  options.keep_revisions = options.keep_revisions_max = UINT64_MAX;
  options.closed_secrets = true;
  auto journal = store::open_memory_journal(std::make_shared<store::MemoryLog>(), ports.workers);
  auto state = store::State::open(ports, *std::move(engine), std::move(journal), options);
  if (!state) {
    std::fprintf(stderr, "%s\n", state.error().message.c_str());
    std::exit(1);
  }
  return *std::move(state);
}

const schema::KindInfo& pods() {
  return *schema::Registry::get().by_resource("", "pods");
}

// ---- making it ----

std::string time_text(uint64_t seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "2026-11-%02uT%02u:%02u:%02uZ",
                static_cast<unsigned>(1 + seconds / 86400 % 28),
                static_cast<unsigned>(seconds / 3600 % 24),
                static_cast<unsigned>(seconds / 60 % 60), static_cast<unsigned>(seconds % 60));
  return text;
}

// What a kubelet tells of a container that restarts, over and over.
class Story {
 public:
  explicit Story(json::value pod) : pod_(std::move(pod)) {}

  Buffer version(uint64_t object, uint64_t version, uint64_t revision, bus::Random& random) {
    json::object pod = pod_.as_object();
    json::object& meta = pod["metadata"].as_object();
    meta["name"] = name(object);
    meta["uid"] = uid(object);
    meta["resourceVersion"] = std::to_string(revision);
    json::object& status = pod["status"].as_object();
    json::object& container = status["containerStatuses"].as_array()[0].as_object();
    bool ready = version % 3 == 0;
    uint64_t restarts = version / 3, at = version * 10 + object % 60;
    json::object& condition = status["conditions"].as_array()[1].as_object();
    condition["status"] = ready ? "True" : "False";
    condition["lastTransitionTime"] = time_text(at);
    status["podIP"] =
        "10.244." + std::to_string(object % 250) + "." + std::to_string(object / 250 % 250);
    status["podIPs"].as_array()[0].as_object()["ip"] = status["podIP"];
    container["ready"] = ready;
    container["restartCount"] = restarts;
    char id[65];
    if (version % 3 == 0) ids_[object] = random.next();
    std::snprintf(id, sizeof id, "%016llx%016llx", static_cast<unsigned long long>(ids_[object]),
                  static_cast<unsigned long long>(ids_[object] * 0x94D049BB133111EBu));
    container["containerID"] = std::string("containerd://") + id + id;
    if (version % 3 == 1) {
      container["state"] = {{"terminated",
                             {{"exitCode", 1},
                              {"reason", "Error"},
                              {"startedAt", time_text(at - 8)},
                              {"finishedAt", time_text(at)},
                              {"containerID", container["containerID"]}}}};
    } else if (version % 3 == 2) {
      container["lastState"] = container["state"];
      container["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
    } else {
      container["state"] = {{"running", {{"startedAt", time_text(at)}}}};
    }
    return *codec::from_value(pods(), pod, nullptr);
  }
  static std::string name(uint64_t object) { return "web-" + random_name(5, object); }
  static std::string uid(uint64_t object) { return random_name(6, object) + "-uid"; }

 private:
  json::value pod_;
  std::map<uint64_t, uint64_t> ids_;
};

uint64_t size_of(const std::string& directory) {
  struct stat st {};
  stat((directory + "/tables/data.mdb").c_str(), &st);
  return static_cast<uint64_t>(st.st_blocks) * 512;
}

class Builder {
 public:
  Builder(std::string directory, json::value pod, uint64_t objects)
      : directory_(std::move(directory)), story_(std::move(pod)), objects_(objects) {
    state_ = open_state(ports_, directory_);
  }

  // Returns the bytes on the disk.
  uint64_t run(uint64_t from, uint64_t to) {
    constexpr uint64_t kBatch = 50;
    for (uint64_t at = from; at < to;) {
      store::Transaction t = state_->begin();
      for (uint64_t i = 0; i < kBatch && at < to; ++i, ++at) add(&t, at);
      state_->commit(std::move(t), [](Result<store::Committed>) {});
      world_.run_for(std::chrono::milliseconds(20));
    }
    state_->flush([](Status) {});
    world_.settle();
    return size_of(directory_);
  }

 private:
  // Changes come in chains: each names one shortly before it as its cause, but for the first.
  void add(store::Transaction* t, uint64_t at) {
    uint64_t object = at < objects_ ? at : ports_.random.below(objects_);
    uint64_t version = versions_[object]++;
    uint64_t revision = t->next_revision().value();
    Buffer bytes = story_.version(object, version, revision, ports_.random);
    std::string name = Story::name(object), uid = Story::uid(object);
    std::string node = "node-" + std::to_string(object % 1000);
    static const std::vector<std::string> kChanged = {"status.conditions[Ready]",
                                                      "status.containerStatuses[web]"};
    static const std::vector<std::string> kOwners = {"5f0a4b7e-2a0c-4b62-8a3b-70c4c1d3e9aa"};
    store::Change change;
    change.type = version == 0 ? store::ChangeType::kAdded : store::ChangeType::kModified;
    change.kind = &pods();
    change.ns = "shop";
    change.name = name;
    change.uid = uid;
    change.object = bytes;
    change.changed = kChanged;
    change.subresource = version == 0 ? "" : "status";
    change.manager = "kubelet";
    change.node = node;
    change.owners = kOwners;
    std::vector<uint64_t> causes;
    if (at % kChain != 0) causes.push_back(revision - 1 - ports_.random.below(at % kChain));
    t->add(change, store::Origin{"kubelet." + node, "", "", causes, 1});
  }

  static constexpr uint64_t kChain = 20;
  std::string directory_;
  Story story_;
  uint64_t objects_;
  bus::sim::World world_{7};
  bus::Ports ports_ = world_.add_host("bench").ports();
  std::map<uint64_t, uint64_t> versions_;
  std::unique_ptr<store::State> state_;
};

int build(const std::string& directory, const std::string& pod, uint64_t objects, uint64_t events) {
  std::ifstream in(pod);
  std::string text(std::istreambuf_iterator<char>(in), {});
  int64_t began = now_ns();
  Builder builder(directory, json::parse(text), objects);
  uint64_t before = builder.run(0, objects), after = builder.run(objects, objects + events);
  std::printf(
      "{\"objects\": %llu, \"events\": %llu, \"bytes_per_event\": %.0f, \"seconds\": %.1f}\n",
      static_cast<unsigned long long>(objects), static_cast<unsigned long long>(events),
      static_cast<double>(after - before) / static_cast<double>(events),
      static_cast<double>(now_ns() - began) / 1e9);
  return 0;
}

// ---- saving it ----

int save(const std::string& directory, const std::string& path) {
  constexpr size_t kBlock = 1 << 20;
  bus::sim::World world(7);
  auto state = open_state(world.add_host("bench").ports(), directory);
  store::View view = state->committed();
  kubus::archive::FileHeader header;
  header.cluster = "bench";
  header.base = view.compacted();
  header.to = view.revision();
  header.chain = view.chain_at_horizon();
  auto writer = kubus::archive::FileWriter::create(path, header);
  if (!writer) return std::fprintf(stderr, "%s\n", writer.error().message.c_str()), 1;
  kubus::archive::FileTrailer trailer{0, view.revision(), view.chain_at_end()};
  Revision at;
  for (bool complete = false; !complete;) {
    store::ArchivePage page = view.archive(at, view.revision(), true, kBlock);
    kubus::archive::Entries entries(page.entries);
    while (entries.next()) ++trailer.count;
    if (!(*writer)->add(page.entries)) return 1;
    at = page.last;
    complete = page.complete;
  }
  if (!(*writer)->finish(trailer)) return 1;
  struct stat st {};
  stat(path.c_str(), &st);
  std::printf("{\"records\": %llu, \"bytes\": %llu}\n",
              static_cast<unsigned long long>(trailer.count),
              static_cast<unsigned long long>(st.st_size));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 2 ? argv[1] : "";
  if (what == "build" && argc == 6)
    return build(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10),
                 std::strtoull(argv[5], nullptr, 10));
  if (what == "archive" && argc == 4) return save(argv[2], argv[3]);
  std::fprintf(stderr,
               "usage: memory-load build DIRECTORY POD.json OBJECTS EVENTS | archive DIRECTORY "
               "FILE\n");
  return 2;
}
