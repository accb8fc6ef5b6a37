// Deletion: at once, or by marking the object and waiting for its grace period and finalizers.
#include <algorithm>

#include "schemas/lib/codec/scalars.h"
#include "services/store/executor/emit.h"
#include "services/store/executor/words.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::has;
using kinds::make_array;
using kinds::make_object;
using kinds::number_in;
using kinds::object_in;

constexpr int64_t kSecond = 1'000'000'000;
// One delete of a collection takes so many objects and so many bytes; a token says that more is
// left.
constexpr size_t kMostRemoved = 10'000, kMostRemovedBytes = 8 << 20;

void set_finalizer(json::object& object, std::string_view name, bool present) {
  json::object& meta = make_object(object, "metadata");
  const json::array& have = kinds::array_in(meta, "finalizers");
  auto at = std::find(have.begin(), have.end(), json::value(name));
  if ((at != have.end()) == present) return;
  json::array& finalizers = make_array(meta, "finalizers");
  if (present) {
    finalizers.emplace_back(name);
    return;
  }
  finalizers.erase(std::find(finalizers.begin(), finalizers.end(), json::value(name)));
  if (finalizers.empty()) meta.erase("finalizers");
}

// Who waits for the object's dependents says so by a finalizer.
void set_propagation(wire::Propagation propagation, json::object& object) {
  if (propagation == wire::Propagation::Default) return;
  set_finalizer(object, "orphan", propagation == wire::Propagation::Orphan);
  set_finalizer(object, "foregroundDeletion", propagation == wire::Propagation::Foreground);
}

void mark(Scope& s, Draft* draft, int64_t grace) {
  int64_t now = s.tx->time_ns() / kSecond;
  json::object& object = draft->now.get_object();
  json::object& meta = make_object(object, "metadata");
  meta["deletionTimestamp"] = codec::format_time(now + grace);
  meta["deletionGracePeriodSeconds"] = grace;
  kinds::begin_delete(*draft->kind, object);
  if (has(meta, "generation")) meta["generation"] = number_in(meta, "generation") + 1;
  draft->also_changed = {"metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds"};
}

// A second delete can only shorten what is left of the grace.
void shorten(Scope& s, Draft* draft, int64_t grace) {
  json::object& meta = make_object(draft->now.get_object(), "metadata");
  if (grace >= number_in(meta, "deletionGracePeriodSeconds")) return;
  int64_t now = s.tx->time_ns() / kSecond;
  auto ends = codec::parse_time(kinds::text_in(meta, "deletionTimestamp"));
  int64_t end = std::min(ends.value_or(now), now + grace);
  meta["deletionTimestamp"] = codec::format_time(end);
  meta["deletionGracePeriodSeconds"] = grace;
  draft->also_changed = {"metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds"};
}

RemoveOptions options_of(const wire::Operation& op) {
  RemoveOptions out;
  if (op.grace_seconds()) out.grace_seconds = *op.grace_seconds();
  out.propagation = static_cast<uint8_t>(op.propagation());
  return out;
}

}  // namespace

Status remove_object(Scope& s, Draft* draft) {
  const schema::KindInfo& kind = *draft->kind;
  Stage stage(s, kind, draft->ns, draft->name);
  kinds::release(stage.context(), draft->now.get_object());
  json::object& meta = make_object(draft->now.get_object(), "metadata");
  meta["resourceVersion"] = std::to_string(s.tx->next_revision().value());
  Result<Buffer> bytes = codec::from_value(kind, draft->now, nullptr);
  if (!bytes) return bytes.error();
  Result<Revision> revision = emit(s, ChangeType::kDeleted, *draft, *bytes);
  if (!revision) return revision.error();
  if (s.dry_run) set_revision(kind, draft->before.revision, &*bytes);
  s.out->gone = true;
  answer_with(s, *draft, *std::move(bytes), *revision);
  return {};
}

Status remove_gracefully(Scope& s, Draft* draft, const RemoveOptions& options) {
  const schema::KindInfo& kind = *draft->kind;
  draft->now = json::value(draft->old, s.memory);
  draft->manager = writer_of(s, kind).name;
  json::object& object = draft->now.get_object();
  set_propagation(static_cast<wire::Propagation>(options.propagation), object);
  int64_t grace = kinds::grace_period(kind, object, options.grace_seconds);
  bool terminating = has(object_in(object, "metadata"), "deletionTimestamp");
  if (!terminating) {
    if (grace == 0 && kinds::removable(kind, object)) return remove_object(s, draft);
    mark(s, draft, grace);
  } else {
    shorten(s, draft, grace);
  }
  return store_change(s, draft);
}

Status run_remove(Scope& s) {
  if (!s.subresource.empty())
    return Error(Code::kMethodNotAllowed, std::string(s.subresource) + " cannot be deleted");
  Draft draft(s.memory);
  if (Status st = load(s, &draft); !st) return st;
  if (Status st = check_preconditions(s, *s.kind, s.name, draft.before, nullptr); !st) return st;
  return remove_gracefully(s, &draft, options_of(s.op));
}

Status run_remove_collection(Scope& s) {
  ListPage page;
  if (Status st = select_page(s, &page, kMostRemoved, kMostRemovedBytes); !st) return st;
  std::vector<Payload> items;
  Revision last = s.view().revision();
  size_t bytes = 0;
  for (const Stored& stored : page.items) {
    Object object = stored.object(*s.kind);
    std::string ns(object.ns()), name(object.name());
    Draft draft{json::storage_ptr()};
    draft.kind = s.kind;
    draft.ns = ns;
    draft.name = name;
    draft.before = stored;
    draft.old = codec::to_value(*s.kind, stored.bytes.view());
    if (Status st = remove_gracefully(s, &draft, options_of(s.op)); !st) return st;
    bytes += stored.bytes.size();
    last = s.out->revision;
    if (s.op.return_object() && bytes < kMostObjectBytes) items.push_back(s.out->object);
  }
  s.out->continue_token = std::move(page.token);
  s.out->remaining = page.remaining;
  s.out->items = std::move(items);
  s.out->object = Payload();
  s.out->gone = false;
  s.out->revision = last;
  return {};
}

}  // namespace kubus::store
