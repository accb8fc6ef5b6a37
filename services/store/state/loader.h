// Makes tables of an archive's entries: a whole state, without a journal, as if everything in it
// had been applied. Of the index only causes are kept, which serves readers of the past; the bodies
// of confidential kinds that the archive leaves out are replaced by their metadata. Any one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/archive/file/entries.h"
#include "services/store/engine/engine.h"
#include "services/store/state/encoding.h"

namespace kubus::wire {
struct Event;
}

namespace kubus::store {

class Loader {
 public:
  // `engine` is empty; `base`: where the archive begins to be dense, and the chain there.
  Loader(Engine& engine, std::string cluster, const Applied& base);
  Loader(const Loader&) = delete;

  // In order of revision; `event`: what the record stands for. kInvalid: an entry that is no record
  // of ours, names its revision; kUnavailable: the engine's. The bytes may go afterwards.
  Status add(const archive::Entry& entry, ByteView event);
  // Afterwards a State can be opened on the engine. `chain`: behind the last entry.
  Status finish(const Chain& chain);
  uint64_t last() const { return last_; }

 private:
  struct Name {
    std::string key;
    ObjectEntry entry;
    bool live = false;
  };

  Status take(const archive::Entry& entry, const Record& record, ByteView event);
  void index_causes(uint64_t revision, const wire::Event& event);
  void move_name(const archive::Entry& entry, const Record& record, const std::string& key);
  void ride(std::string lane, uint64_t revision, int live, bool mark);
  void put(Keyspace space, std::string key, std::string value);
  Status flush();

  Engine& engine_;
  std::string cluster_;
  Applied base_;
  uint64_t last_ = 0;
  int64_t last_time_ = 0;
  std::unordered_map<uint64_t, Name> names_;  // by oid
  std::map<std::string, LaneEntry> lanes_;
  struct Pending {
    Keyspace space;
    std::string key, value;
  };
  std::vector<Pending> pending_;
  size_t pending_bytes_ = 0;
};

}  // namespace kubus::store
