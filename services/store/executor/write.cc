#include "services/store/executor/write.h"

#include "services/store/executor/admit.h"
#include "services/store/executor/emit.h"
#include "services/store/executor/words.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::array_in;
using kinds::has;
using kinds::make_object;
using kinds::number_in;
using kinds::object_in;
using kinds::text_in;

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kMostManager = 128;

// Managers as the writer gives them back, else as they stand. A list of one empty entry means:
// none.
std::vector<patch::Manager> managers_before(const Draft& draft) {
  const json::array& given =
      array_in(object_in(draft.now.get_object(), "metadata"), "managedFields");
  bool reset = given.size() == 1 && text_in(kinds::object_of(given[0]), "operation").empty();
  if (reset) return {};
  if (!given.empty()) {
    auto managers = patch::managers_of(draft.now);
    if (managers && !managers->empty()) return *std::move(managers);
  }
  if (draft.old.is_null()) return {};
  auto managers = patch::managers_of(draft.old);
  return managers ? *std::move(managers) : std::vector<patch::Manager>();
}

void own_fields(Scope& s, Draft* draft) {
  if (!draft->owned) {
    draft->managers = managers_before(*draft);
    patch::Manager who = writer_of(s, *draft->kind);
    patch::note_update(*draft->kind, draft->old, draft->now, who, &draft->managers);
    draft->manager = who.name;
  }
  patch::set_managers(draft->now, draft->managers, patch::FieldsForm::kOpaque);
}

bool gone_now(const schema::KindInfo& kind, const json::object& object) {
  const json::object& meta = object_in(object, "metadata");
  return has(meta, "deletionTimestamp") && number_in(meta, "deletionGracePeriodSeconds") == 0 &&
         kinds::removable(kind, object);
}

Status create_companions(Scope& s, const json::object& object) {
  for (kinds::Companion& c : kinds::companions(*s.kind, object, s.env.cluster_ca)) {
    std::string_view name = text_in(object_in(c.object, "metadata"), "name");
    if (s.find(*c.kind, c.ns, name)) continue;
    OutcomeData ignored;
    Scope inner{s.env, s.tx, s.caller, s.origin, s.op, c.kind, s.dry_run, s.memory, &ignored};
    inner.ns = c.ns;
    inner.admission = s.admission;
    Draft draft(s.memory);
    draft.kind = c.kind;
    draft.ns = inner.ns;
    draft.now = json::value(std::move(c.object), s.memory);
    if (Status st = create_object(inner, &draft); !st) return st;
  }
  return {};
}

Status admit_change(Scope& s, Draft* draft) {
  Stage stage(s, *draft->kind, draft->ns, draft->name);
  const json::object& old = draft->old.get_object();
  if (s.subresource == "scale") {
    json::value whole(draft->old, s.memory);
    Status set = kinds::set_scale(*draft->kind, draft->now.get_object(), whole.get_object());
    if (!set) return set;
    draft->now = std::move(whole);
  }
  json::object& now = draft->now.get_object();
  if (s.subresource == "status") return kinds::admit_status(stage.context(), old, now);
  if (s.subresource == "finalize") return kinds::admit_finalize(old, now);
  if (s.subresource == "ephemeralcontainers") {
    json::value whole(draft->old, s.memory);
    kinds::carry(object_in(now, "spec"), make_object(whole.get_object(), "spec"),
                 "ephemeralContainers");
    draft->now = std::move(whole);
    return kinds::admit_update(stage.context(), old, draft->now.get_object());
  }
  return kinds::admit_update(stage.context(), old, now);
}

}  // namespace

Stored Scope::find(const schema::KindInfo& of, std::string_view in, std::string_view called) const {
  if (called.empty() || called.size() > kMaxName || in.size() > kMaxNs) return {};
  return view().find(of, in, called);
}

Stage::Stage(Scope& s, const schema::KindInfo& kind, std::string_view ns, std::string_view name)
    : scope_(s),
      context_{kind,
               ns,
               name,
               s.tx->time_ns() / kSecond,
               s.caller.actor,
               *this,
               s.env.allocator,
               s.env.ports.random} {}

std::optional<Object> Stage::get(const ObjectKey& key) const {
  if (key.kind == nullptr) return std::nullopt;
  Stored found = scope_.find(*key.kind, key.ns, key.name);
  return found ? std::optional(found.object(*key.kind)) : std::nullopt;
}

std::vector<Object> Stage::all(const schema::KindInfo& kind) const {
  ListPage page;
  std::vector<Object> out;
  if (!scope_.view().list({.kind = &kind, .limit = 0}, &page)) return out;
  for (const Stored& s : page.items) out.push_back(s.object(kind));
  return out;
}

// ---- what comes in ----

Result<const schema::KindInfo*> body_kind(const schema::KindInfo& kind, std::string_view sub) {
  if (sub.empty()) return &kind;
  const auto* found = kind.subresource(sub);
  if (found == nullptr)
    return Error(Code::kNotFound, kind.qualified_resource() + " have no " + std::string(sub));
  const schema::KindInfo* body =
      schema::Registry::get().by_kind(found->group, found->version, found->kind);
  return body == nullptr ? &kind : body;
}

Result<json::value> decode(Scope& s, const schema::KindInfo& kind) {
  ByteView bytes = bytes_of(s.op.object());
  static thread_local std::vector<uint64_t> room;
  if (reinterpret_cast<uintptr_t>(bytes.data()) % sizeof(uint64_t) != 0) {
    room.resize(bytes.size() / sizeof(uint64_t) + 1);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(room.data()));
    bytes = {reinterpret_cast<const uint8_t*>(room.data()), bytes.size()};
  }
  if (bytes.empty() || !codec::verify(kind, bytes))
    return Error(Code::kBadRequest, "the request's object is no well-formed " + kind.kind);
  return codec::to_value(kind, bytes, s.memory, patch::FieldsForm::kOpaque);
}

Result<json::value> canonical(Scope& s, const schema::KindInfo& kind, const json::value& value,
                              std::vector<codec::Problem>* problems) {
  if (!value.is_object()) return Error(Code::kBadRequest, "the patch does not leave an object");
  Result<Buffer> bytes = codec::from_value(kind, value, problems);
  if (!bytes) return bytes.error();
  return codec::to_value(kind, *bytes, s.memory, patch::FieldsForm::kOpaque);
}

Status judge(Scope& s, const std::vector<codec::Problem>& problems) {
  std::vector<std::string> all;
  if (s.op.problems() != nullptr) {
    for (const auto* p : *s.op.problems()) all.emplace_back(text_of(p));
  }
  for (const codec::Problem& p : problems) all.push_back(p.message);
  if (all.empty() || s.op.field_validation() == wire::FieldValidation::Ignore) return {};
  if (s.op.field_validation() == wire::FieldValidation::Warn) {
    s.out->warnings = std::move(all);
    return {};
  }
  std::string text = "strict decoding error: ";
  for (size_t i = 0; i < all.size(); ++i) text += (i == 0 ? "" : ", ") + all[i];
  return Error(Code::kBadRequest, std::move(text));
}

patch::Manager writer_of(const Scope& s, const schema::KindInfo& kind) {
  std::string_view name = text_of(s.op.field_manager());
  if (name.empty()) name = s.caller.actor;
  patch::Manager who;
  who.name = name.substr(0, kMostManager);
  who.api_version = kind.api_version();
  who.time = s.tx->time_ns() / kSecond;
  who.subresource = s.subresource;
  return who;
}

Status check_preconditions(const Scope& s, const schema::KindInfo& kind, std::string_view name,
                           const Stored& before, const json::value* given) {
  static const json::object kNone;
  const json::object& meta = given == nullptr ? kNone : object_in(given->get_object(), "metadata");
  std::string uid(before.object(kind).uid());
  for (std::string_view asked : {text_of(s.op.precondition_uid()), text_in(meta, "uid")}) {
    if (!asked.empty() && asked != uid)
      return conflict(kind, name,
                      "it is another object: its uid is " + uid + ", not " + std::string(asked));
  }
  std::string_view revision = text_in(meta, "resourceVersion");
  bool stale =
      !revision.empty() && revision != "0" && revision != std::to_string(before.revision.value());
  if (s.op.precondition_revision() != 0)
    stale |= s.op.precondition_revision() != before.revision.value();
  if (!stale) return {};
  return conflict(kind, name,
                  "the object has been modified; read its latest version and apply your changes "
                  "to that");
}

// ---- what goes out ----

Status create_object(Scope& s, Draft* draft) {
  const schema::KindInfo& kind = *draft->kind;
  Stage stage(s, kind, draft->ns, "");
  size_t claims = s.env.allocator.savepoint();
  if (Status st = kinds::admit_create(stage.context(), draft->now.get_object()); !st) return st;
  if (wants_changes(s)) {
    s.env.allocator.rollback(claims);
    if (Status st = apply_admission(s, draft); !st) return st;
    if (Status st = kinds::admit_create(stage.context(), draft->now.get_object()); !st) return st;
  }
  std::string name(text_in(object_in(draft->now.get_object(), "metadata"), "name"));
  draft->name = name;
  if (s.find(kind, draft->ns, name)) return already_exists(kind, name);
  own_fields(s, draft);
  json::object& meta = make_object(draft->now.get_object(), "metadata");
  Revision next = s.tx->next_revision();
  meta["resourceVersion"] = std::to_string(next.value());
  Result<Buffer> bytes = codec::from_value(kind, draft->now, nullptr);
  if (!bytes) return bytes.error();
  Result<Revision> revision = emit(s, ChangeType::kAdded, *draft, *bytes);
  if (!revision) return revision.error();
  if (Status st = create_companions(s, draft->now.get_object()); !st) return st;
  if (s.dry_run) {
    meta.erase("resourceVersion");
    bytes = codec::from_value(kind, draft->now, nullptr);
    if (!bytes) return bytes.error();
  }
  s.out->created = true;
  answer_with(s, *draft, *std::move(bytes), *revision);
  return {};
}

Status load(Scope& s, Draft* draft, patch::FieldsForm fields) {
  draft->kind = s.kind;
  draft->ns = s.ns;
  draft->name = s.name;
  draft->before = s.find(*s.kind, s.ns, s.name);
  if (!draft->before) return not_found(*s.kind, s.name);
  draft->old = codec::to_value(*s.kind, draft->before.bytes.view(), s.memory, fields);
  return {};
}

Status change_object(Scope& s, Draft* draft) {
  Status held = check_preconditions(s, *draft->kind, draft->name, draft->before, &draft->now);
  if (!held) return held;
  size_t claims = s.env.allocator.savepoint();
  if (Status st = admit_change(s, draft); !st) return st;
  if (wants_changes(s)) {
    s.env.allocator.rollback(claims);
    if (Status st = apply_admission(s, draft); !st) return st;
    if (Status st = admit_change(s, draft); !st) return st;
  }
  own_fields(s, draft);
  return store_change(s, draft);
}

Status store_change(Scope& s, Draft* draft) {
  const schema::KindInfo& kind = *draft->kind;
  json::object& meta = make_object(draft->now.get_object(), "metadata");
  meta["resourceVersion"] = std::to_string(draft->before.revision.value());
  Result<Buffer> bytes = codec::from_value(kind, draft->now, nullptr);
  if (!bytes) return bytes.error();
  ByteView was = draft->before.bytes.view();
  if (std::equal(was.begin(), was.end(), bytes->begin(), bytes->end())) {
    answer_with(s, *draft, *std::move(bytes), draft->before.revision);
    return {};
  }
  if (gone_now(kind, draft->now.get_object())) return remove_object(s, draft);
  set_revision(kind, s.tx->next_revision(), &*bytes);
  Result<Revision> revision = emit(s, ChangeType::kModified, *draft, *bytes);
  if (!revision) return revision.error();
  if (s.dry_run) set_revision(kind, draft->before.revision, &*bytes);
  answer_with(s, *draft, *std::move(bytes), *revision);
  return {};
}

void answer_with(Scope& s, const Draft& draft, Buffer bytes, Revision revision) {
  s.out->revision = revision;
  if (!s.op.return_object()) return;
  if (s.subresource == "binding" || s.subresource == "eviction") return;
  if (s.subresource != "scale") {
    s.out->object = Payload(std::move(bytes));
    return;
  }
  json::value now = codec::to_value(*draft.kind, bytes, s.memory);
  auto scale = kinds::scale_of(*draft.kind, now.get_object());
  auto body = body_kind(*draft.kind, s.subresource);
  if (!scale || !body) return;
  auto encoded = codec::from_value(**body, json::value(*std::move(scale)), nullptr);
  if (encoded) s.out->object = Payload(*std::move(encoded));
}

}  // namespace kubus::store
