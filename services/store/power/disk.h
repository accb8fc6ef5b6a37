// What a power cut may leave. Programs that link this have their writes, syncs and names below one
// directory recorded: open, pwrite, fdatasync, rename and the like are defined here, also for the
// shared libraries of the program (LMDB), and pass to the system's own.
//
// The model: what was synced is there. Of what was written to a file since its last sync each
// sector has one of the contents that it had meanwhile; the file may have grown or not. Of a
// directory's changes since its last sync those up to some moment are there. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schemas/lib/base/bytes.h"

namespace kubus::store::power {

struct Event {
  enum class Kind : uint8_t { kWrite, kTruncate, kSync, kName, kUnname, kSyncFolder };
  Kind kind;
  int file = 0;  // a folder's is negative
  uint64_t offset = 0;
  Buffer bytes;
  bool durable = false;    // a write that was synced by itself
  std::string path, from;  // below the root; `from`: the name before
};

// Records from its making until stop() or its end. One at a time.
class Disk {
 public:
  explicit Disk(std::string root);
  ~Disk();
  Disk(const Disk&) = delete;

  const std::vector<Event>& events() const { return events_; }
  // After so many more writes and syncs the process is as good as dead: the next write has effect
  // in part (`random` chooses), everything after it fails and has none.
  void die_after(size_t calls, uint64_t random);
  // A new process: calls work again.
  void revive() { left_ = SIZE_MAX; }
  void stop();

 private:
  friend struct Hooks;
  struct Descriptor {
    int file = 0;
    std::string path;
    bool is_synced = false, is_folder = false;
  };
  bool is_below(const char* path, std::string* relative) const;
  void opened(int fd, const char* path, int flags);
  // What the call may do: 0 nothing, 1 all, 2 a part.
  int permit();

  std::string root_;
  std::vector<Event> events_;
  std::map<int, Descriptor> descriptors_;
  std::map<std::string, int> names_;
  int next_file_ = 1;
  size_t left_ = SIZE_MAX;
  uint64_t random_ = 0;
};

// Chooses a number from 0 to `most`.
using Choose = std::function<size_t(size_t most)>;

// The disk after the first n events.
class Moment {
 public:
  Moment(const std::vector<Event>& events, size_t sector) : events_(events), sector_(sector) {}
  void advance_to(size_t n);
  // In how many ways it can be left; at most `limit`.
  size_t outcomes(size_t limit) const;
  // Writes one of them into the empty directory `to`.
  void lay(const Choose& choose, const std::string& to) const;

 private:
  struct File {
    Buffer base;        // durable
    uint64_t size = 0;  // as the process sees it
    std::vector<size_t> pending;
  };
  struct Names {
    std::map<std::string, int> durable;
    std::vector<size_t> pending;
  };
  using Sectors = std::map<uint64_t, std::vector<size_t>>;

  void apply(const Event& e, size_t index);
  void apply_name(const Event& e, std::map<std::string, int>* names) const;
  Sectors sectors_of(const File& file) const;
  Buffer content(const File& file, const Choose& choose) const;

  const std::vector<Event>& events_;
  size_t sector_, at_ = 0;
  std::map<int, File> files_;
  std::map<std::string, Names> folders_;
};

// Calls `tried` with choices for up to `most` outcomes of a moment: all of them if there are no
// more than that, else some chosen by `random`.
void for_outcomes(const Moment& moment, size_t most, const std::function<uint64_t()>& random,
                  const std::function<void(const Choose&)>& tried);

// How many disks a test lays (KUBUS_POWER_CUTS), how many for one moment at most
// (KUBUS_POWER_OUTCOMES), and the seed it begins with (KUBUS_POWER_SEED).
size_t cuts_to_try(size_t otherwise);
size_t outcomes_to_try(size_t otherwise);
uint64_t first_seed();

}  // namespace kubus::store::power
