// The typed client of the store: requests over the bus, answers by request id, deadlines, retries
// of what is safe to retry. Loop thread only.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::wire {
struct RequestT;
struct OperationT;
struct OutcomeT;
struct Outcome;
struct Reply;
}  // namespace kubus::wire

namespace kubus::kit {

struct ClientOptions {
  ClusterName cluster;
  Actor actor;
  bus::Duration timeout = std::chrono::seconds(10);
};

// What woke the work that a write belongs to.
struct Cause {
  std::vector<Revision> revisions;  // at most four are sent: the newest
  uint8_t trigger = 0;              // wire::Trigger
};

// One answer: a verified Reply and the memory that it lies in.
class Answer {
 public:
  explicit Answer(Payload payload, const wire::Reply* reply)
      : payload_(std::move(payload)), reply_(reply) {}
  const wire::Reply& reply() const { return *reply_; }
  const wire::Outcome& outcome(size_t i = 0) const;
  const Payload& payload() const { return payload_; }

 private:
  Payload payload_;
  const wire::Reply* reply_;
};

// A page of a LIST.
struct Page {
  std::vector<Object> items;
  Revision revision;
  std::string continue_token;
};

// A fence: the lease and the epoch under which an elected leader writes.
struct Fence {
  std::string lease;
  uint64_t epoch = 0;
};

// Counters of one client, since it was made.
struct ClientStats {
  uint64_t sent = 0, repeated = 0, answered = 0, timeouts = 0;
  uint64_t hostile = 0;  // replies that were malformed
  uint64_t unknown = 0;  // replies to no outstanding request: late, doubled or foreign
};

// What every write may carry.
struct WriteOptions {
  Cause cause;
  std::string field_manager;  // "" : the actor
  std::optional<Fence> fence;
  std::string subresource;
  std::string uid;    // precondition; "" : none
  Revision revision;  // precondition; 0 : none
  bool return_object = true;
};

class Client {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  Client(bus::Ports ports, ClientOptions options);
  ~Client();  // outstanding calls end without their callback
  Client(const Client&) = delete;

  // Sends the request as it is (id and deadline are filled in where empty) and calls `done` once,
  // never before call() has returned: the answer, a kTimeout after the deadline, the Reply's own
  // failure as an Error, or kTooLarge for what no message can carry. Repeats it under the same id
  // while nothing answers or the store says kUnavailable, so a write happens once. The answer holds
  // an outcome for each operation.
  void call(wire::RequestT request, Done<Answer> done);

  void get(const ObjectKey& key, Done<Object> done);
  // One page. `limit` 0: the store's page size.
  void list(const schema::KindInfo& kind, std::string_view ns, std::string_view label_selector,
            std::string_view field_selector, uint32_t limit, std::string_view continue_token,
            Done<Page> done);
  // All pages at one revision.
  void list_all(const schema::KindInfo& kind, std::string_view ns, std::string_view label_selector,
                std::string_view field_selector, Done<Page> done);
  // `value`: the object as JSON value (kind's fields); encoded strictly. Here and in merge_patch
  // `done` gets an empty Object if none was wanted, or if the store only remembers that it did this
  // already and the object cannot be read any more.
  void create(const schema::KindInfo& kind, std::string_view ns, const boost::json::value& value,
              WriteOptions options, Done<Object> done);
  // A JSON merge patch text.
  void merge_patch(const ObjectKey& key, std::string patch, WriteOptions options,
                   Done<Object> done);
  // Foreground deletion etc. by the request form; this is Background with the kind's own grace
  // unless given.
  void remove(const ObjectKey& key, std::optional<int64_t> grace_seconds, WriteOptions options,
              std::function<void(Status)> done);

  const ClientOptions& options() const;
  const bus::Subjects& subjects() const;
  const ClientStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The Failure of an outcome as an Error; ok if it has none.
Status status_of(const wire::Outcome& outcome);

}  // namespace kubus::kit
