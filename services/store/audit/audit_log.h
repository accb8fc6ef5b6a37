// What was refused, and the few things done to the past itself: bounded, so that whoever is refused
// can fill neither disk nor memory. Repeats are merged, each actor has its share, and what had to
// go is counted. Its puts go into the tables beside batches of changes: nothing is synced for it.
// Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "schemas/lib/base/bytes.h"

namespace kubus::store {

// wire::Refusal.
struct AuditEntry {
  uint64_t sequence = 0;
  int64_t time_ns = 0, last_time_ns = 0;
  uint64_t count = 1;
  std::string actor, user, source, request_id;
  uint8_t verb = 0;  // wire::Verb
  std::string group, resource, ns, name, subresource;
  std::string reason;  // "" : it was done
  std::string message;

  size_t bytes() const;
};

struct AuditLimits {
  size_t entries = 4096;
  size_t bytes = 2 << 20;
  size_t shares = 8;  // an actor, or the user for whom one speaks, has at most 1/8 of both
  size_t text = 512;  // bytes of any text of an entry
};

class AuditLog {
 public:
  explicit AuditLog(AuditLimits limits) : limits_(limits) {}

  // As take_puts() gave it, in the order of keys; malformed ones are passed over.
  void load(ByteView value);
  void note(AuditEntry entry);

  // Oldest first, behind that sequence.
  std::vector<const AuditEntry*> after(uint64_t sequence, size_t limit) const;
  uint64_t dropped() const { return dropped_; }
  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

  // What has changed since the last call. No value: erased.
  struct Put {
    std::string key;
    Buffer value;
  };
  std::vector<Put> take_puts();
  bool has_puts() const { return !dirty_.empty(); }

 private:
  struct Share {
    std::set<uint64_t> sequences;
    size_t bytes = 0;
  };
  static std::string owner_of(const AuditEntry& entry);
  static std::string key_of(const AuditEntry& entry);
  void insert(AuditEntry entry);
  void drop_oldest_of(const std::string& owner);
  void make_room(const std::string& owner);

  AuditLimits limits_;
  std::map<uint64_t, AuditEntry> entries_;
  std::map<std::string, uint64_t> by_key_;  // what is merged
  std::map<std::string, Share> shares_;
  std::set<uint64_t> dirty_;
  size_t bytes_ = 0;
  uint64_t next_ = 1, dropped_ = 0;
};

}  // namespace kubus::store
