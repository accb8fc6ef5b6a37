// Who owns whom, of all kinds: from metadata alone, kept up from changes. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::controllers::gc {

inline constexpr std::string_view kForeground = "foregroundDeletion";
inline constexpr std::string_view kOrphan = "orphan";

bool has_finalizer(const Object& object, std::string_view name);

class Graph {
 public:
  // As kit::Informer::Change; either may be empty.
  void on_change(const Object& before, const Object& now);

  std::vector<ObjectKey> dependents(std::string_view uid) const;
  bool has_dependents(std::string_view uid) const { return by_owner_.count(uid) > 0; }
  // Where the object of that uid is; null: nobody has it.
  const ObjectKey* find(std::string_view uid) const;

 private:
  std::map<std::string, ObjectKey, std::less<>> present_;             // by uid
  std::map<std::string, std::set<ObjectKey>, std::less<>> by_owner_;  // by the owner's uid
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
