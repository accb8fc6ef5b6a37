// Pages of a LIST at one revision: the live objects merged by key with the names that are dead by
// now.
#include <algorithm>

#include "services/store/state/core.h"
#include "services/store/state/past.h"
#include "services/store/state/token.h"

namespace kubus::store {
namespace {

class Lister {
 public:
  Lister(const StateCore& core, const ListQuery& query, const ListToken& at, uint64_t limit,
         bool present)
      : core_(core), query_(query), at_(at), limit_(limit), present_(present) {}

  // Fills the page; returns the last key seen if there is more behind it, else "".
  std::string run(ListPage* page) {
    std::string prefix = object_prefix(at_.kind, at_.ns);
    std::string from = at_.after.empty() ? prefix : at_.after + '\0';
    Merged live = core_.merged(Keyspace::kObjects, limit_),
           dead = core_.merged(Keyspace::kDead, limit_);
    live.seek_from(from);
    if (!present_) dead.seek_from(from);
    std::string seen = at_.after;
    size_t bytes = 0, work = 0;
    while (live.at_prefix(prefix) || dead.at_prefix(prefix)) {
      bool full =
          (query_.limit != 0 && page->items.size() >= query_.limit) || bytes >= query_.max_bytes;
      if (full || work++ >= query_.max_work) return seen;
      bool of_dead = !live.at_prefix(prefix) ||
                     (dead.at_prefix(prefix) && as_text(dead.key()) < as_text(live.key()));
      Merged& m = of_dead ? dead : live;
      seen = as_text(m.key());
      take(decode_entry(m.value()), page, &bytes);
      m.next();
    }
    return "";
  }

 private:
  void take(const ObjectEntry& entry, ListPage* page, size_t* bytes) {
    Stored stored = present_ ? stored_of(core_, entry, limit_)
                             : stored_at(core_, entry, page->revision, limit_);
    if (!stored || (query_.filter && !query_.filter(stored))) return;
    *bytes += stored.bytes.size();
    page->items.push_back(std::move(stored));
  }

  const StateCore& core_;
  const ListQuery& query_;
  const ListToken& at_;
  uint64_t limit_;
  bool present_;
};

Result<ListToken> position_of(const ListQuery& query, std::string_view cluster) {
  ListToken at{query.kind->number, query.ns, query.revision.value(), std::nullopt, ""};
  if (query.token.empty()) return at;
  auto token = decode_token(query.token, cluster);
  if (!token.ok()) return token.error();
  if (token->kind != at.kind || token->ns != at.ns) {
    return Error(Code::kBadRequest, "the continue token belongs to another list");
  }
  return token;
}

}  // namespace

Status View::list(const ListQuery& query, ListPage* page) const {
  *page = ListPage();
  auto position = position_of(query, core_->cluster_id_);
  if (!position.ok()) return position.error();
  ListToken at = *std::move(position);
  bool present = !past_ && (at.revision == 0 || Revision(at.revision) == revision_);
  if (at.revision == 0) at.revision = revision_.value();
  page->revision = Revision(at.revision);
  if (Status s = readable_at(page->revision); !s.ok()) {
    if (s.error().code == Code::kExpired && !query.token.empty()) {
      at.revision = 0;
      at.left.reset();
      page->token = encode_token(at, core_->cluster_id_);
    }
    return s;
  }
  if (query.token.empty() && present && !query.filter) at.left = count(*query.kind, query.ns);
  std::string last = Lister(*core_, query, at, limit_, present).run(page);
  if (at.left) *at.left -= std::min<uint64_t>(*at.left, page->items.size());
  if (last.empty()) return {};
  if (!query.filter) page->remaining = at.left;
  at.after = std::move(last);
  page->token = encode_token(at, core_->cluster_id_);
  return {};
}

uint64_t View::count(const schema::KindInfo& kind, const std::optional<std::string>& ns) const {
  std::string lane =
      ns && !ns->empty() ? namespace_lane(kind.number, *ns) : resource_lane(kind.number);
  return core_->lane(lane, limit_).live;
}

}  // namespace kubus::store
