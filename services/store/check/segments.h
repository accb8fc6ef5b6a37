// What the journal's segment files hold, read without the journal's lock, beside whoever writes
// them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "services/store/journal/journal.h"

namespace kubus::store {

class Segments {
 public:
  // Reads all of it. kInvalid: a sound batch that no store can have written; kUnavailable: I/O.
  Status read(const std::string& directory);

  // Of a record of the tables: what the chain covers of its event, and the chain behind it.
  // kInvalid: the batch with that revision says otherwise; names file, offset and revision.
  Status compare(uint64_t revision, const Chain& event, const Chain& after) const;
  // What is not in the tables yet follows from them without a gap.
  Status follow(uint64_t applied, const Chain& chain);

  uint64_t last() const { return last_; }  // that was found to follow; 0: none
  size_t files() const { return files_; }

 private:
  struct Batch {
    uint64_t first = 0, last = 0;
    Chain chain{};                // behind it, as the file says
    std::vector<Chain> digests;   // what the chain covers, in order
    std::vector<size_t> records;  // of each revision: the index of its event's digest
    std::string where;            // file and offset
  };
  struct Gap {
    std::string where;  // no sound batch is there
    uint64_t expected = 0;
    uint64_t later = 0;  // the last revision of one that knew those before it to be durable
  };

  Status read_file(const std::string& path, uint64_t first);
  Status add(const std::string& where, uint64_t first, uint64_t last, ByteView body,
             const Chain& chain);

  std::map<uint64_t, Batch> batches_;  // by first revision
  std::vector<Gap> gaps_;              // behind the last sound batch of each file
  uint64_t last_ = 0;
  size_t files_ = 0;
};

}  // namespace kubus::store
