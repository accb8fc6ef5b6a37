// What the executor hands to the state: changes, gathered in a Transaction, which becomes one
// durable batch. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"
#include "services/store/state/view.h"

namespace kubus::store {

class StateCore;

// The old labels and selectable fields where they changed (wire::Before).
struct BeforeChange {
  struct Field {
    std::string key, value;
  };
  bool labels_changed = false;
  std::vector<Field> labels, fields;
};

// Who asked for a change and why. The same for all changes of a request.
struct Origin {
  std::string actor;
  std::string user;                       // for whom a gateway spoke; "" : none
  std::string request_id;                 // "" : not remembered
  std::vector<uint64_t> cause_revisions;  // at most four
  uint8_t trigger = 0;                    // wire::Trigger
  std::string source = {};                // from where the request came; "" : a component's
};

// Longer names, and nodes, are a broken invariant: the executor refuses them before. In owners and
// references they are passed over, for nothing can be called so.
inline constexpr size_t kMaxNs = 200, kMaxName = 253;

// One change of one object. Views need to live until add() has returned.
struct Change {
  ChangeType type = ChangeType::kModified;
  const schema::KindInfo* kind = nullptr;
  std::string_view ns;  // "" for cluster-scoped kinds
  std::string_view name;
  std::string_view uid;
  // The object after the change (kDeleted: its last state), a FlatBuffer whose resourceVersion is
  // next_revision().
  ByteView object;
  // Confidential kinds: the object with its metadata alone; only this rides on the event.
  ByteView metadata;
  std::span<const std::string> changed;  // paths: "spec.replicas"; more than 64 are cut, "…" behind
  const BeforeChange* before = nullptr;  // nullptr: nothing selectable changed
  std::string_view subresource;          // "status", "binding", …
  std::string_view manager;              // field manager
  std::string_view node;  // the node whose lane this rides on: a bound Pod's, a Node's own name
  std::span<const std::string> owners;    // uids of the owner references, after the change
  std::span<const ObjectKey> references;  // what a bound Pod's node must hear of; needs `node`
  bool referable = false;  // its kind can be referred to by Pods: nodes that do get notices
  bool aged = false;  // its kind has a bounded share: State::oldest() finds it (same at creation
                      // as ever after)
};

// An open batch. At most one at a time, begun and committed within one callback of the loop;
// destroying it without commit() undoes it. What it holds is seen by State::latest() at once, so
// that later operations build on earlier ones.
class Transaction {
 public:
  struct Savepoint {
    size_t changes = 0, puts = 0, lanes = 0, records = 0, chunks = 0, used = 0;
  };

  explicit Transaction(StateCore* core) : core_(core) {}
  Transaction(Transaction&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Unix nanoseconds; the time of every change of this batch; never earlier than the batch before.
  int64_t time_ns() const;
  // What add() will return next: encode it as the object's resourceVersion.
  Revision next_revision() const;
  // State::latest(), this transaction included.
  View view() const;

  // Records the change. kAdded needs that no object of that key is there, kModified and kDeleted
  // that one is: anything else is a broken invariant.
  Revision add(const Change& change, const Origin& origin);

  // A small durable value of the store itself ("fence/<lease>" → epoch); View::note reads it.
  // Written with the batch's changes: a transaction without any change writes nothing.
  void put_note(std::string_view name, ByteView value);

  // rollback() undoes everything since that savepoint; savepoints nest.
  Savepoint savepoint() const;
  void rollback(const Savepoint& to);

  size_t changes() const;
  size_t bytes() const;  // of the record so far; close a batch at about 4 MiB

 private:
  friend class State;
  StateCore* core_;
};

// A committed change, ready to be published.
struct Published {
  struct Notice {
    std::string node;
    Payload event;  // wire::Event of type Notice
  };
  Revision revision;
  ChangeType type = ChangeType::kModified;
  const schema::KindInfo* kind = nullptr;
  std::string_view ns, name, node;  // inside `event`; node "" : rides on no node lane
  Payload event;                    // wire::Event; shares the batch's memory
  std::vector<Notice> notices;
};

struct Committed {
  Revision first, last;  // 0, 0: the transaction held no change
  int64_t time_ns = 0;
  std::vector<Published> events;
};

}  // namespace kubus::store
