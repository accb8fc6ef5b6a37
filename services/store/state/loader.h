// Makes tables of an archive's entries: a whole state, without a journal, as if everything in it
// had been applied. Any one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bus/archive/file/entries.h"
#include "services/store/engine/engine.h"
#include "services/store/state/derivation.h"
#include "services/store/state/puts.h"

namespace kubus::store {

// What the index needs to know of an object beside its node.
struct Indexed {
  std::vector<std::string> owners;  // their uids
  std::vector<ObjectKey> references;
  bool aged = false;  // its kind has a bounded share
};
// `object`: confidential kinds: its metadata alone. Any thread.
using IndexedOf = std::function<Indexed(const schema::KindInfo& kind, ByteView object)>;

class Loader {
 public:
  // `engine` is empty; `horizon`: where the archive begins to be dense, and the chain there.
  // Without `indexed_of` the index is left empty, which serves readers of the past.
  Loader(Engine& engine, std::string cluster, const Applied& horizon, IndexedOf indexed_of = {});
  Loader(const Loader&) = delete;

  // In order of revision; `event`: what the record stands for. kInvalid: an entry that is no record
  // of ours or does not follow from those before, names its revision; kUnavailable: the engine's.
  // The bytes may go afterwards.
  Status add(const archive::Entry& entry, ByteView event);
  // The same of what was looked at already.
  Status add(const archive::Entry& entry, const Record& record, const wire::Event& event);
  // Afterwards a State can be opened on the engine. `chain`: behind the last entry.
  Status finish(const Chain& chain);
  uint64_t last() const { return derived_.last(); }
  int64_t last_time_ns() const { return derived_.last_time_ns(); }

 private:
  void keep_secret(const archive::Entry& entry, const wire::Event& event);
  Status spill(bool all);
  Status write_names();
  Status finish_name(const Snapshot& tables, const Derivation::Name& name, ObjectEntry* entry);
  Status flush(bool all);

  Engine& engine_;
  std::string cluster_;
  Applied horizon_;
  IndexedOf indexed_of_;
  Derivation derived_;
  Puts puts_;
};

}  // namespace kubus::store
