// The stages that all writes share: decode, admit, own fields, encode, emit.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <vector>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/patch/ownership.h"
#include "services/store/executor/scope.h"
#include "services/store/kinds/kinds.h"

namespace kubus::store {

inline constexpr size_t kMostObjectBytes = 1536 * 1024;

// An object on its way from how it stands to how it shall stand.
struct Draft {
  // Values lie in the operation's memory: nothing is copied on its way.
  explicit Draft(const json::storage_ptr& memory) : old(memory), now(memory) {}

  const schema::KindInfo* kind = nullptr;
  std::string_view ns, name;
  Stored before;         // empty: a create
  json::value old, now;  // null `old`: a create
  std::vector<patch::Manager> managers;
  bool owned = false;   // managers say already who owns what of `now`
  std::string manager;  // who writes
  std::vector<std::string>
      also_changed;  // paths that no manager owns: "metadata.deletionTimestamp"
};

// A stage's view of the world for kinds.
class Stage final : public kinds::Lookup {
 public:
  Stage(Scope& s, const schema::KindInfo& kind, std::string_view ns, std::string_view name);
  std::optional<Object> get(const ObjectKey& key) const override;
  std::vector<Object> all(const schema::KindInfo& kind) const override;
  kinds::Context& context() { return context_; }

 private:
  Scope& scope_;
  kinds::Context context_;
};

// ---- what comes in ----

// The kind of a subresource's body, or the kind itself. kNotFound: there is no such subresource.
Result<const schema::KindInfo*> body_kind(const schema::KindInfo& kind, std::string_view sub);
// The operation's object as a value. kBadRequest: no FlatBuffer of that kind.
Result<json::value> decode(Scope& s, const schema::KindInfo& kind);
// A value made canonical; what strict decoding objects to is judged by judge().
Result<json::value> canonical(Scope& s, const schema::KindInfo& kind, const json::value& value,
                              std::vector<codec::Problem>* problems);
// By the operation's fieldValidation: kBadRequest, warnings, or nothing.
Status judge(Scope& s, const std::vector<codec::Problem>& problems);
patch::Manager writer_of(const Scope& s, const schema::KindInfo& kind);
// uid and resourceVersion that the operation, or the object given, holds its target to.
Status check_preconditions(const Scope& s, const schema::KindInfo& kind, std::string_view name,
                           const Stored& before, const json::value* given);

// ---- what goes out ----

// Makes a new object of `value`, and what comes with it. `draft->managers` may be filled.
Status create_object(Scope& s, Draft* draft);
// Loads the target of the operation. kNotFound.
Status load(Scope& s, Draft* draft, patch::FieldsForm fields = patch::FieldsForm::kOpaque);
// `draft->now`, of the subresource's body kind, becomes how the object stands: rules, ownership,
// and the write if anything changed.
Status change_object(Scope& s, Draft* draft);
// Writes the draft as it is: no rules, no ownership.
Status store_change(Scope& s, Draft* draft);
// The object goes for good; `draft->now` is its last state.
Status remove_object(Scope& s, Draft* draft);
// Deletes as the operation's options say: at once, or marks it as terminating.
struct RemoveOptions {
  std::optional<int64_t> grace_seconds;
  uint8_t propagation = 0;  // wire::Propagation
};
Status remove_gracefully(Scope& s, Draft* draft, const RemoveOptions& options);
// Answers with the object (or its scale) as `bytes` has it.
void answer_with(Scope& s, const Draft& draft, Buffer bytes, Revision revision);

}  // namespace kubus::store
