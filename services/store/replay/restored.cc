#include "services/store/replay/restored.h"

#include "bus/archive/file/file.h"
#include "bus/archive/file/tracker.h"
#include "services/store/engine/lmdb.h"
#include "services/store/journal/memory.h"
#include "services/store/state/loader.h"

namespace kubus::store {

Status load_archive(const std::string& file, Engine* engine) {
  auto reader = archive::FileReader::open(file);
  if (!reader) return reader.error();
  const archive::FileHeader& header = (*reader)->header();
  Loader loader(*engine, header.cluster, {header.base.value(), 0, header.chain});
  archive::ChainTracker chain(header.base, header.chain);
  while (true) {
    auto block = (*reader)->next();
    if (!block) return block.error();
    if (block->empty()) break;
    archive::Entries entries(block->view());
    while (auto entry = entries.next()) {
      if (!chain.add(*entry))
        return Error(Code::kInvalid, file + ": revision " + std::to_string(entry->revision) +
                                         ": no record that this program can read");
      if (Status s = loader.add(*entry, chain.event()); !s)
        return Error(s.error().code, file + ": " + s.error().message);
    }
  }
  if (chain.chain() != (*reader)->trailer().chain)
    return Error(Code::kInvalid, file + ": the chain of hashes does not fit: a record was altered");
  return loader.finish(chain.chain());
}

Result<std::unique_ptr<State>> open_restored(bus::Ports ports, std::unique_ptr<Engine> engine) {
  StateOptions options;
  options.keep_revisions = options.keep_revisions_max = UINT64_MAX;
  options.closed_secrets = true;
  return State::open(ports, std::move(engine),
                     open_memory_journal(std::make_shared<MemoryLog>(), ports.workers), options);
}

Result<std::unique_ptr<State>> restored(bus::Ports ports, const std::string& file,
                                        const std::string& directory) {
  auto engine = open_lmdb({.directory = directory + "/tables"});
  if (!engine) return engine.error();
  if (Status s = load_archive(file, engine->get()); !s) return s.error();
  return open_restored(ports, *std::move(engine));
}

}  // namespace kubus::store
