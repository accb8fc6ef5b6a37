#include "services/store/check/places.h"

#include "services/store/state/batch.h"

namespace kubus::store {

bool Places::add(uint64_t revision, const archive::Record& record) {
  const archive::RecordHeader& header = record.header;
  auto type = static_cast<ChangeType>(header.type);
  if (header.place == 0) {
    if (header.base != 0) return false;
    groups_[header.oid] = {0, {{revision, 0}}};
  } else {
    auto group = groups_.try_emplace(header.oid).first;
    if (type == ChangeType::kAdded || !follows(revision, record, &group->second)) return false;
  }
  if (type == ChangeType::kDeleted) groups_.erase(header.oid);
  return true;
}

bool Places::follows(uint64_t revision, const archive::Record& record, Group* group) const {
  const archive::RecordHeader& header = record.header;
  bool known = !group->ancestors.empty() || group->last > 0;
  bool next = !known ||
              (revision > horizon_ ? header.place == group->last + 1 : header.place > group->last);
  if (!next || header.place >= archive::kGroup || header.base == 0 || header.base >= revision)
    return false;
  auto& ancestors = group->ancestors;
  while (!ancestors.empty() && ancestors.back().first > header.base) ancestors.pop_back();
  // What it hung on may be gone, if it was made whole since. The places of early deltas, and of
  // what was one, say another thing.
  bool hangs = header.format == archive::RecordHeader::kDelta && !record.early;
  bool there = hangs && !ancestors.empty() && ancestors.back().first == header.base;
  if (there && ancestors.back().second != archive::base_place(header.place)) return false;
  group->last = header.place;
  if (archive::may_carry(header.place)) ancestors.emplace_back(revision, header.place);
  return true;
}

}  // namespace kubus::store
