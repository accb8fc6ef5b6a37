// Who owns whom, of all kinds: from metadata alone, kept up from changes. Little is kept of an
// object that neither owns nor is owned: its uid. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::controllers::gc {

inline constexpr std::string_view kForeground = "foregroundDeletion";
inline constexpr std::string_view kOrphan = "orphan";

// A uid in two words. What is no UUID (the store gives no such uid, but people may refer to one) is
// hashed.
struct Uid {
  uint64_t high = 0, low = 0;
  static Uid of(std::string_view text);
  friend bool operator==(const Uid&, const Uid&) = default;
};
struct UidHash {
  size_t operator()(const Uid& u) const { return u.high ^ (u.low * 0x9E3779B97F4A7C15u); }
};

// The uids of its owners, in order.
std::vector<std::string_view> owners_of(const Object& object);

bool has_finalizer(const Object& object, std::string_view name);

class Graph {
 public:
  // As kit::Informer::Change; either may be empty.
  void on_change(const Object& before, const Object& now);

  std::vector<ObjectKey> dependents(std::string_view uid) const;
  bool has_dependents(std::string_view uid) const { return by_owner_.count(Uid::of(uid)) > 0; }
  // Whether there is an object of that uid.
  bool knows(std::string_view uid) const { return present_.count(Uid::of(uid)) > 0; }
  // Where the object of that uid is that waits to be deleted; null: there is none.
  const ObjectKey* going(std::string_view uid) const;

 private:
  std::unordered_set<Uid, UidHash> present_;
  std::unordered_map<Uid, ObjectKey, UidHash> going_;
  std::unordered_map<Uid, std::set<ObjectKey>, UidHash> by_owner_;  // by the owner's uid
};

// How an owner stands to its dependent.
enum class Owner : uint8_t {
  kSolid,    // it is there
  kWaiting,  // it is going and waits for this dependent
  kAbsent,   // it surely is gone
  kUnsure,   // it was not found; whether it is gone must be asked
};

struct Link {
  std::string uid;
  Owner state = Owner::kSolid;
};

// What becomes of an object with these owners.
struct Verdict {
  enum class Act : uint8_t { kKeep, kAsk, kUnlink, kDelete } act = Act::kKeep;
  std::vector<std::string> uids;  // kAsk: which owners; kUnlink: whose references go
  bool foreground = false;        // kDelete: its own dependents first
};
Verdict judge(const std::vector<Link>& owners, bool has_dependents);

}  // namespace kubus::controllers::gc
