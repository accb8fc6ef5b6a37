// A store in memory for tests of whatever talks to one: answers the verbs over a Bus, publishes
// events and heads as the real one does, and fails on demand. No authorization, validation,
// defaults or admission; updates count for nothing but what they say. Loop thread only.
#pragma once

#include <boost/json/value.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/kit/testing/fake_state.h"
#include "bus/ports/ports.h"
#include "bus/subjects.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/result.h"

namespace kubus::kit::testing {

class FakeStore {
 public:
  FakeStore(bus::Ports ports, ClusterName cluster);
  FakeStore(const FakeStore&) = delete;

  // ---- what a test does to the state, published like any write ----
  // Creates the object, or replaces it whole.
  Revision put(const schema::KindInfo& kind, std::string_view ns, const boost::json::value& value);
  Revision erase(const ObjectKey& key);
  // From now on changes of `key` ride on the node's lane as notices.
  void refer(std::string_view node, const ObjectKey& key) { state_.refer(node, key); }

  // ---- what it sees ----
  Object find(const ObjectKey& key) const { return state_.find(key); }
  const FakeState& state() const { return state_; }
  Revision revision() const { return state_.revision(); }
  // Every request that was executed and wrote something, oldest first.
  const std::vector<wire::RequestT>& writes() const { return writes_; }
  size_t requests() const { return requests_; }  // received, of all kinds

  // ---- faults ----
  void away(bool on) { away_ = on; }      // receives nothing, tells no heads
  void refuse(bool on) { refuse_ = on; }  // answers kUnavailable
  void answer_after(bus::Duration delay) { delay_ = delay; }
  void lose_answers(size_t count) {
    lose_answers_ = count;
  }                                                         // the next ones are executed, not told
  void lose_events(size_t count) { lose_events_ = count; }  // the next ones are not published
  void lose_events_percent(uint32_t percent) { lose_percent_ = percent; }
  void double_events_percent(uint32_t percent) { double_percent_ = percent; }
  void compact(Revision upto) { state_.compact(upto); }
  void page_size(size_t items) { page_size_ = items; }

 private:
  struct Context {
    std::string actor;
    const wire::RequestT* request = nullptr;
  };

  void on_request(const bus::Message& message);
  void on_answers_timeout();
  void on_heads_timeout();
  wire::ReplyT execute(const std::string& actor, const wire::RequestT& request);
  Status check(const wire::RequestT& request) const;
  bool run_all(const Context& context, wire::ReplyT* reply);
  void run(const Context& context, const wire::OperationT& op, wire::OutcomeT* out);
  Status dispatch(const Context& context, const wire::OperationT& op, wire::OutcomeT* out);
  Status get(const wire::OperationT& op, wire::OutcomeT* out);
  Status list(const wire::OperationT& op, wire::OutcomeT* out);
  Status events_after(const wire::OperationT& op, wire::OutcomeT* out);
  Status create(const Context& context, const wire::OperationT& op, wire::OutcomeT* out);
  Status bind(const Context& context, const wire::OperationT& op, wire::OutcomeT* out);
  Status change(const Context& context, const wire::OperationT& op, wire::OutcomeT* out);
  Status remove(const Context& context, const wire::OperationT& op, wire::OutcomeT* out);
  Status store(const Context& context, const schema::KindInfo& kind, const wire::OperationT& op,
               boost::json::value value, wire::OutcomeT* out);
  void publish(const Published& change);

  bus::Ports ports_;
  bus::Subjects subjects_;
  FakeState state_;
  std::vector<wire::RequestT> writes_;
  size_t requests_ = 0;
  std::map<std::pair<std::string, std::string>, wire::ReplyT> answered_;  // actor, request id
  struct Answered {
    bus::Instant at;
    std::string subject;
    wire::ReplyT reply;
  };
  std::deque<Answered> answers_;
  std::map<std::string, std::vector<Object>> listings_;  // by token: what is left of a list
  std::map<std::string, Revision> listed_at_;
  bool away_ = false, refuse_ = false;
  std::vector<Published>* held_ = nullptr;  // while an atomic request runs: what it will tell
  bus::Duration delay_{};
  size_t lose_answers_ = 0, lose_events_ = 0, page_size_ = 500;
  uint32_t lose_percent_ = 0, double_percent_ = 0;
  std::unique_ptr<bus::Timer> answer_timer_, heads_timer_;
  std::unique_ptr<bus::Subscription> requests_in_;
};

}  // namespace kubus::kit::testing
