// What a kind does beyond its schema: defaults that depend on other fields, rules, allocation, what
// an update may change. Kinds without behaviour get the base class: generic metadata, defaults and
// validation from the schema.
//
// The executor calls the free functions, in a write's serial order; each is the whole of the stages
// mutate → default → validate → allocate for its verb. They change values only, and the world only
// through the Allocator (part of the open transaction: rolled back with it). Field ownership,
// resourceVersion, admission by others and the write are the executor's.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"
#include "schemas/lib/schema/registry.h"
#include "schemas/lib/validation/validation.h"

namespace kubus::store::kinds {

namespace json = boost::json;
using schema::KindInfo;
using validation::FieldErrors;

// The present state, this transaction included.
class Lookup {
 public:
  virtual ~Lookup() = default;
  virtual std::optional<Object> get(const ObjectKey& key) const = 0;
  // All objects of a cluster-scoped kind of which there are few, by name.
  virtual std::vector<Object> all(const KindInfo& kind) const = 0;
};

// Numbers and addresses that only one object may hold. A claim lasts until it is released; a
// transaction that is undone undoes its claims. Ranges are the cluster's: 10.96.0.0/16 for
// Services, 30000–32767, 10.244.0.0/16 in /24 for nodes unless configured otherwise.
class Allocator {
 public:
  enum class Outcome : uint8_t { kOk, kTaken, kOutOfRange, kExhausted };
  virtual ~Allocator() = default;
  // `*address` empty: any free one, written there; else exactly that one.
  virtual Outcome claim_cluster_ip(std::string* address) = 0;
  virtual void release_cluster_ip(std::string_view address) = 0;
  // `*port` 0: any free one. The same number may serve TCP and UDP of one Service: the caller
  // claims it once.
  virtual Outcome claim_node_port(int32_t* port) = 0;
  virtual void release_node_port(int32_t port) = 0;
  virtual Outcome claim_pod_cidr(std::string* cidr) = 0;
  virtual void release_pod_cidr(std::string_view cidr) = 0;
  virtual std::string cluster_ip_range() const = 0;  // "10.96.0.0/16", for messages
  virtual std::string node_port_range() const = 0;   // "30000-32767"
};

struct Context {
  const KindInfo& kind;
  std::string_view ns;           // from the request; "" for cluster-scoped kinds
  std::string_view name;         // from the request (update); "" on create
  int64_t now_unix_seconds = 0;  // the batch's time
  std::string_view actor;        // "admin", "kubelet:n1"
  const Lookup& lookup;
  Allocator& allocator;
  bus::Random& random;
};

// All values come in codec's canonical form (from_value, then to_value), without apiVersion and
// kind, and leave in the working form: one more from_value makes them canonical.

// A new object, made ready to store: metadata (namespace, generateName, uid, creationTimestamp,
// generation), defaults, rules, allocation. Changed in place.
// kBadRequest: another namespace than the request's. kNotFound: its namespace does not exist.
// kForbidden: the namespace is going, a ServiceAccount is missing. kInvalid: with causes.
// The executor refuses names that are taken.
Status admit_create(Context& ctx, json::object& object);

// What `before` becomes by a write of the main resource. The server's metadata and the status stay
// as they were, generation moves when the spec does. kInvalid: immutable fields and rules. `after`
// may lack a name and uid; a different name is kBadRequest, a different uid or resourceVersion is
// the executor's to refuse (kConflict).
Status admit_update(Context& ctx, const json::object& before, json::object& after);

// The same for subresource status: everything but status (and metadata labels, annotations,
// finalizers) stays.
Status admit_status(Context& ctx, const json::object& before, json::object& after);

// The same for a Namespace's subresource finalize: spec.finalizers alone may change.
Status admit_finalize(const json::object& before, json::object& after);

// Called when a delete must wait (the executor has set deletionTimestamp): a Namespace's phase.
void begin_delete(const KindInfo& kind, json::object& object);

// Whether nothing keeps a terminating object any more: no finalizers, a Namespace's own included.
// The grace period is not looked at.
bool removable(const KindInfo& kind, const json::object& object);

// Gives back what the object holds. Call when it is removed for good.
void release(Context& ctx, const json::object& object);

// Subresource scale, as autoscaling/v1 Scale. kNotFound if the kind has none.
Result<json::object> scale_of(const KindInfo& kind, const json::object& object);
// Writes scale's spec.replicas into the object; the executor then continues as for an update.
Status set_scale(const KindInfo& kind, const json::object& scale, json::object& object);

// Subresource binding of a Pod: sets spec.nodeName, the PodScheduled condition and the binding's
// annotations and labels, and clears status.nominatedNodeName. kConflict if the Pod is bound or
// terminating; kInvalid without a target name.
Status bind(Context& ctx, const json::object& binding, json::object& pod);

// Grace period of a delete, seconds: what was asked for (nullopt: the kind's default), 0 when
// nothing needs to wait: the object goes at once. Pods: terminationGracePeriodSeconds, or 0 when
// not bound or finished.
int64_t grace_period(const KindInfo& kind, const json::object& object,
                     std::optional<int64_t> asked);

// The objects that the node of this (Pod) object must hear of: its ConfigMaps, Secrets,
// ServiceAccount, claims.
std::vector<ObjectKey> references(const KindInfo& kind, const json::object& object);

// What comes with a new object, to be created in the same transaction, so that nobody ever sees the
// one without the other: a Namespace's ServiceAccount "default" and, if `cluster_ca` (PEM) is
// given, its ConfigMap "kube-root-ca.crt". Pods need both. The objects are as a client would post
// them.
struct Companion {
  const KindInfo* kind;
  std::string ns;
  json::object object;
};
std::vector<Companion> companions(const KindInfo& kind, const json::object& object,
                                  std::string_view cluster_ca);

// The hooks of one kind. Called by the functions above in the order in which they stand here.
class KindBehaviour {
 public:
  virtual ~KindBehaviour() = default;
  // Clears what a client may not set and fills what the server always sets.
  virtual void prepare_create(Context& ctx, json::object& object) const;
  virtual void prepare_update(Context& ctx, const json::object& before, json::object& after) const;
  // Defaults that depend on other fields; runs before and sees none of the schema's defaults.
  virtual void default_before(json::object& object) const;
  // Defaults that need the schema's to be there.
  virtual void default_after(json::object& object) const;
  // Refusals that are no matter of the object's form: a missing ServiceAccount (kForbidden). Create
  // only.
  virtual Status admit(Context& ctx, json::object& object) const;
  // The same for an update of the main resource.
  virtual Status admit_change(Context& ctx, const json::object& before, json::object& after) const;
  // What attributes can't say. `before` is null on create.
  virtual void validate(const json::object* before, const json::object& object,
                        FieldErrors* errors) const;
  virtual void validate_status(const json::object& before, const json::object& after,
                               FieldErrors* errors) const;
  // `before` is null on create. Errors are rules too: an address outside the range.
  virtual void allocate(Context& ctx, const json::object* before, json::object& object,
                        FieldErrors* errors) const;
  virtual void release(Context& ctx, const json::object& object) const;
  // Name rule; subdomain by default.
  virtual std::string check_name(std::string_view name) const;
  // Whether the kind counts generations (Services, for one, don't), and what moves them.
  virtual bool has_generation() const { return false; }
  virtual bool moves_generation(const json::object& before, const json::object& after) const;
  // Puts a complaint of the schema's rules where, and as, clients expect it.
  virtual void restate(Cause*) const {}
};

// Never fails: kinds without a file of their own share the base's.
const KindBehaviour& behaviour(const KindInfo& kind);

}  // namespace kubus::store::kinds
