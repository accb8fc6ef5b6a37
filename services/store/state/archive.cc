// Pages of the journal as it is kept.
#include "bus/archive/file/entries.h"
#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"

namespace kubus::store {

using archive::Entry;

ArchivePage View::archive(Revision after, Revision to, bool with_secrets, size_t max_bytes) const {
  ArchivePage page;
  page.last = after;
  page.entries.reserve(max_bytes + max_bytes / 4);
  Merged m = core_->merged(Keyspace::kJournal, limit_);
  for (m.seek_from(revision_key(after.next())); m.valid(); m.next()) {
    Entry entry{read_u64(m.key(), 0), m.value(), Entry::Secret::kNone, {}};
    if (entry.revision > to.value()) break;
    if (page.entries.size() >= max_bytes) return page;
    auto record = decode_record(entry.record);
    KUBUS_CHECK(record);
    Chain digest{};
    if ((record->header.flags & RecordHeader::kSecret) != 0) {
      auto body = core_->peek(Keyspace::kSecrets, as_text(m.key()), limit_);
      // What only a delta hangs on has none any more.
      if (body) entry.what = with_secrets ? Entry::Secret::kBody : Entry::Secret::kDigest;
      if (body && !with_secrets) digest = archive::digest_of(*body);
      if (body) entry.secret = with_secrets ? *body : ByteView(digest);
    }
    archive::append_entry(&page.entries, entry);
    page.last = Revision(entry.revision);
  }
  page.complete = true;
  return page;
}

Chain View::chain_at_horizon() const {
  return core_->compacted_.chain;
}

Chain View::chain_at_end() const {
  return core_->unapplied_.empty() ? core_->applied_.chain : core_->unapplied_.back()->chain;
}

}  // namespace kubus::store
