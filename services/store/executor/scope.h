// What one operation runs in, and the verbs. Loop thread only; nothing here outlives the turn.
#pragma once

#include <boost/json/fwd.hpp>
#include <boost/json/storage_ptr.hpp>
#include <string>
#include <string_view>

#include "bus/ports/ports.h"
#include "services/store/allocator/allocator.h"
#include "services/store/audit/audit_log.h"
#include "services/store/auth/authorizer.h"
#include "services/store/executor/replies.h"
#include "services/store/state/state.h"

namespace kubus::token {
class Signer;
}
namespace kubus::wire {
struct Operation;
struct Identity;
}  // namespace kubus::wire

namespace kubus::store {

class AdmissionPass;

namespace json = boost::json;

// What all requests share.
struct Environment {
  bus::Ports ports;
  State& state;
  const Authorizer& authorizer;
  ClusterAllocator& allocator;
  std::string cluster_ca;                 // PEM; "" : none
  const token::Signer* signer = nullptr;  // null: no tokens are made
  AuditLog* audit = nullptr;
};

struct Caller {
  std::string_view actor;
  const wire::Identity* identity = nullptr;
};

struct Scope {
  Environment& env;
  Transaction* tx;  // null: a read of what is committed
  const Caller& caller;
  const Origin& origin;
  const wire::Operation& op;
  const schema::KindInfo* kind;  // null: the operation is on a lane of no kind
  bool dry_run;
  json::storage_ptr memory;  // for values; empty again after the request
  OutcomeData* out;

  std::string_view ns, name, subresource;
  AdmissionPass* admission = nullptr;  // null: nobody outside has a say

  View view() const { return tx != nullptr ? tx->view() : env.state.committed(); }
  // An object by name; empty also for names that nothing can have.
  Stored find(const schema::KindInfo& of, std::string_view in, std::string_view called) const;
};

// Each fills scope.out, or says why not; what it changed before a refusal is undone by the caller.
Status run_create(Scope& s);
Status run_token(Scope& s, const json::object& request);
Status run_update(Scope& s);
Status run_patch(Scope& s);
Status run_apply(Scope& s);
Status run_remove(Scope& s);
Status run_remove_collection(Scope& s);
Status run_get(Scope& s);
Status run_list(Scope& s);
Status run_events_after(Scope& s);
Status run_heads(Scope& s);
Status run_history(Scope& s);
Status run_trace(Scope& s);
Status run_connect(Scope& s);
Status run_archive(Scope& s);
Status run_rekey(Scope& s);
Status run_purge(Scope& s);
Status run_audit(Scope& s);

// All objects that the operation's selectors match, one page. Shared by list and delete of a
// collection.
Status select_page(Scope& s, ListPage* page, size_t limit, size_t max_bytes);
// The node to which a field selector holds a list; "" : none.
std::string held_to_node(const schema::KindInfo& kind, std::string_view field_selector);

}  // namespace kubus::store
