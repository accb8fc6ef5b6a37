#include "services/store/replay/restored.h"

#include "services/store/engine/lmdb.h"
#include "services/store/journal/memory.h"
#include "services/store/restore/load.h"

namespace kubus::store {

Result<std::unique_ptr<State>> open_restored(bus::Ports ports, std::unique_ptr<Engine> engine) {
  StateOptions options;
  options.keep_revisions = options.keep_revisions_max = UINT64_MAX;
  options.closed_secrets = true;
  return State::open(ports, std::move(engine),
                     open_memory_journal(std::make_shared<MemoryLog>(), ports.workers), options);
}

Result<std::unique_ptr<State>> restored(bus::Ports ports, const std::string& file,
                                        const std::string& directory) {
  auto engine = open_lmdb({.directory = directory + "/tables", .bulk = true});
  if (!engine) return engine.error();
  if (auto loaded = load_archive(file, engine->get()); !loaded) return loaded.error();
  return open_restored(ports, *std::move(engine));
}

}  // namespace kubus::store
