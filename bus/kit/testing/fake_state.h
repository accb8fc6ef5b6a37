// The objects, revisions, lanes and past of a FakeStore. Pure memory.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/subjects.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/object.h"

namespace kubus::kit::testing {

// One change as it is told: its event, and a notice for each node that must hear of it.
struct Published {
  struct Notice {
    std::string node;
    Payload event;
  };
  ObjectKey key;
  Revision revision;
  std::string node;  // "" : rides on no node's lane
  Payload event;
  std::vector<Notice> notices;
};

// Who changed something, and why.
struct Origin {
  std::string actor, request_id, subresource;
  const wire::CauseT* cause = nullptr;
};

class FakeState {
 public:
  Revision revision() const { return Revision(past_.size()); }
  Object find(const ObjectKey& key) const;
  const std::map<ObjectKey, Object>& objects() const { return objects_; }

  // The object as `value` says, with metadata filled in; empty event if nothing would change.
  std::optional<Published> put(const ObjectKey& key, boost::json::value value, int64_t wall_ns,
                               const std::string& uid, const Origin& origin);
  std::optional<Published> erase(const ObjectKey& key, int64_t wall_ns, const Origin& origin);
  void refer(std::string_view node, const ObjectKey& key) {
    references_[key].insert(std::string(node));
  }

  // What rides on a lane, oldest first.
  std::vector<Payload> events_after(const bus::LaneId& lane, Revision after, size_t most) const;
  Revision head(const bus::LaneId& lane) const;
  void compact(Revision upto) { compacted_ = upto; }
  Revision compacted() const { return compacted_; }
  // Lanes that moved since the last call.
  std::set<bus::LaneId> take_moved() { return std::exchange(moved_, {}); }

 private:
  Published tell(wire::EventType type, const ObjectKey& key, const Object& before,
                 const Object& object, int64_t wall_ns, const Origin& origin);
  uint64_t ride(const bus::LaneId& lane, Revision revision);

  std::map<ObjectKey, Object> objects_;
  std::vector<Published> past_;  // of revision i + 1
  std::map<bus::LaneId, Revision> heads_;
  std::set<bus::LaneId> moved_;
  std::map<ObjectKey, std::set<std::string>> references_;
  Revision compacted_;
};

}  // namespace kubus::kit::testing
