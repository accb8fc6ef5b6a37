// What readers and the executor read: the state of the cluster at one revision, its past down to
// the compaction horizon, and the lanes. A View is cheap (two pointers and a number); it is for the
// loop thread and for the callback that asked for it: it sees a moving State, so none is kept
// across callbacks. The Payloads it returns may be kept briefly (while an answer is written): they
// pin a snapshot of the engine.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"
#include "schemas/lib/schema/registry.h"
#include "services/store/journal/journal.h"

namespace kubus::store {

class StateCore;

// Values as wire::EventType's.
enum class ChangeType : uint8_t { kAdded = 0, kModified = 1, kDeleted = 2 };

// A lane by kind, as bus::LaneId by name. Forms: nothing set: the cluster; kind: a resource; kind
// and ns (and name with namespaced kinds, name alone with others): a namespace's share, one object;
// node alone: a node.
struct Lane {
  const schema::KindInfo* kind = nullptr;
  std::string ns, name, node;
};

// An object as it stands, or stood, at a revision.
struct Stored {
  Revision revision;  // its resourceVersion
  Revision created;   // of this life of the name
  Payload bytes;      // FlatBuffer of its kind, whole (also of confidential kinds)
  explicit operator bool() const { return static_cast<bool>(revision); }
  Object object(const schema::KindInfo& kind) const { return Object::trusted(kind, bytes); }
};

struct ListQuery {
  const schema::KindInfo* kind = nullptr;
  std::optional<std::string> ns;  // nullopt: all namespaces (and cluster-scoped kinds)
  Revision revision;              // 0: now. Ignored with a token, which carries its own.
  size_t limit = 500;             // items; 0: as many as max_bytes allows
  size_t max_bytes = 512 * 1024;  // a page ends after the item that passes it
  size_t max_work =
      20'000;  // keys looked at: a page of a list with a filter may be short, or empty with a token
  std::string token;  // of the page before
  // false: left out. May be empty.
  std::function<bool(const Stored&)> filter;
};

struct ListPage {
  std::vector<Stored> items;  // by namespace, then name
  Revision revision;          // the one revision of all pages
  std::string token;          // "" : this was the last page
  std::optional<uint64_t>
      remaining;  // behind this page; known without filter and when the list began at the present
};

struct EventsPage {
  std::vector<Payload> events;  // wire::Event buffers, oldest first (a node's lane: notices too)
  Revision head;                // the lane's head now
  Revision complete_to;  // every event of the lane up to here is in this page or came before; =
                         // head: all
};

struct HistoryPage {
  std::vector<Payload> events;  // newest first
  Revision next;                // pass as `before` for the next page; 0: there is none
};

// Records as they are kept, in the form of bus/archive/file.
struct ArchivePage {
  Buffer entries;
  Revision last;          // of the last entry; what was asked for if there is none
  bool complete = false;  // nothing is left
};

class View {
 public:
  // `past`: the present of this view is the past of the state. What only the present knows (count,
  // dependents, on_node, nodes_referring, refers) is not to be asked of it.
  View(const StateCore* core, uint64_t limit, Revision revision, bool past = false)
      : core_(core), limit_(limit), revision_(revision), past_(past) {}

  Revision revision() const { return revision_; }
  bool past() const { return past_; }
  // Reading at revisions below this one is kExpired.
  Revision compacted() const;
  // Time (unix ns) of the last change seen; 0: there is none.
  int64_t time_ns() const;

  // The object now; empty if there is none.
  Stored find(const schema::KindInfo& kind, std::string_view ns, std::string_view name) const;
  Stored find(const ObjectKey& key) const { return find(*key.kind, key.ns, key.name); }
  // Its revision alone, without touching its bytes; 0: there is none.
  Revision revision_of(const schema::KindInfo& kind, std::string_view ns,
                       std::string_view name) const;
  // The object as it stood at `at`; empty if there was none. kExpired below compacted();
  // kBadRequest above revision().
  Result<Stored> find_at(const schema::KindInfo& kind, std::string_view ns, std::string_view name,
                         Revision at) const;

  // One page. kBadRequest: a token that is malformed or of another list. kExpired: the list's
  // revision was compacted meanwhile; then page->token holds a token that goes on behind the same
  // key at the present state.
  Status list(const ListQuery& query, ListPage* page) const;
  // Live objects of a kind, in a namespace or (nullopt) everywhere.
  uint64_t count(const schema::KindInfo& kind, const std::optional<std::string>& ns) const;

  // What happened in the lane after `after`, at most about max_bytes (at least one event, if there
  // is one). kExpired if after < compacted(). `after` beyond the head gives an empty page; a view
  // of the past says kExpired to all but the highest, for who knows more than it stood there once.
  Result<EventsPage> events_after(const Lane& lane, Revision after,
                                  size_t max_bytes = 512 * 1024) const;
  // The last revision of a lane; 0: nothing ever happened there.
  Revision head(const Lane& lane) const;
  // The event of a revision; empty if it is not there (any more).
  Payload event(Revision revision) const;

  // What is kept of the revisions behind `after` and up to `to`: below compacted() the last states
  // of what lived there. Ends with the entry that passes max_bytes.
  ArchivePage archive(Revision after, Revision to, bool with_secrets, size_t max_bytes) const;
  // The chain hash at compacted(), and behind the last change of all.
  Chain chain_at_horizon() const;
  Chain chain_at_end() const;

  // Versions of a name, through deletions and re-creations, newest first, from `before` (exclusive;
  // 0: the newest) on.
  HistoryPage history(const schema::KindInfo& kind, std::string_view ns, std::string_view name,
                      Revision before, size_t limit, size_t max_bytes = 512 * 1024) const;
  // The last revision that was written at or before that time (unix ns). kExpired if it lies below
  // compacted().
  Result<Revision> revision_at(int64_t time_ns) const;

  // Objects that name `owner_uid` as an owner, in no particular order. At most `limit`; kind by
  // number.
  struct Name {
    uint16_t kind = 0;
    std::string ns, name;
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  std::vector<Name> dependents(std::string_view owner_uid, size_t limit) const;
  // Objects that ride on that node's lane now: its bound Pods and its Node object.
  std::vector<Name> on_node(std::string_view node, size_t limit) const;
  // Nodes whose Pods refer to the object; and whether one node's do.
  std::vector<std::string> nodes_referring(const schema::KindInfo& kind, std::string_view ns,
                                           std::string_view name) const;
  bool refers(std::string_view node, const schema::KindInfo& kind, std::string_view ns,
              std::string_view name) const;

  // The revisions whose cause names that one, in order; at most `limit`.
  std::vector<Revision> effects(Revision cause, size_t limit) const;

  // What Transaction::put_note wrote; empty if nothing.
  Payload note(std::string_view name) const;

 private:
  friend class StateCore;
  friend class Transaction;
  friend class State;
  Status readable_at(Revision at) const;
  Revision past_head(const Lane& lane) const;

  const StateCore* core_;
  uint64_t limit_;  // batches up to this number are seen
  Revision revision_;
  bool past_;
};

}  // namespace kubus::store
