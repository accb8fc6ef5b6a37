#include "services/store/journal/memory.h"

#include "schemas/lib/base/check.h"
#include "services/store/journal/crc32c.h"
#include "services/store/journal/group.h"

namespace kubus::store {

void MemoryLog::fail_after(size_t batches) {
  std::lock_guard lock(mutex_);
  budget_ = batches;
}
void MemoryLog::heal() {
  fail_after(SIZE_MAX);
}
void MemoryLog::tear(std::function<uint64_t()> random) {
  std::lock_guard lock(mutex_);
  random_ = std::move(random);
}
size_t MemoryLog::survivors(size_t group) {
  std::lock_guard lock(mutex_);
  return random_ && budget_ == SIZE_MAX ? random_() % (group + 1) : 0;
}
Revision MemoryLog::last() const {
  std::lock_guard lock(mutex_);
  return records_.empty() ? Revision() : records_.back().last;
}
bool MemoryLog::rot(Revision revision) {
  std::lock_guard lock(mutex_);
  for (Record& r : records_) {
    if (r.first > revision || r.last < revision || r.bytes.empty()) continue;
    r.bytes[revision.value() % r.bytes.size()] ^= 0x10;
    return true;
  }
  return false;
}
std::vector<MemoryLog::Record> MemoryLog::records() const {
  std::lock_guard lock(mutex_);
  return records_;
}
void MemoryLog::release(Revision applied) {
  std::lock_guard lock(mutex_);
  std::erase_if(records_, [&](const Record& r) { return r.last <= applied; });
}
bool MemoryLog::write(Record record) {
  std::lock_guard lock(mutex_);
  if (budget_ == 0) return false;
  if (budget_ != SIZE_MAX) --budget_;
  records_.push_back(std::move(record));
  return true;
}

class MemoryJournal : public Journal {
 public:
  MemoryJournal(std::shared_ptr<MemoryLog> log, bus::Workers& workers)
      : log_(std::move(log)),
        chain_(std::make_shared<Chain>()),
        group_(
            workers,
            [log = log_, chain = chain_](auto entries, auto* durable) {
              return write(*log, *chain, entries, durable);
            },
            8 << 20) {}
  ~MemoryJournal() override {
    auto group = group_.in_flight();
    while (!group.empty() && group.front().last <= log_->last()) group = group.subspan(1);
    std::vector<Durable> durable;
    size_t kept = group.empty() ? 0 : log_->survivors(group.size());
    if (kept > 0) (void)write(*log_, *chain_, group.first(kept), &durable);
  }

  Result<std::vector<Durable>> recover(Revision applied, const Chain& chain,
                                       const Replay& replay) override {
    std::vector<Durable> durable;
    *chain_ = chain;
    for (const MemoryLog::Record& record : log_->records()) {
      if (record.last <= applied) continue;
      if (crc32c(0, record.bytes) != record.crc) {
        return Error(Code::kInvalid,
                     "the journal is damaged at revision " + std::to_string(record.first.value()));
      }
      JournalEntry entry{
          record.first, record.last, record.time_ns, {Payload::copy_of(record.bytes)}, {}};
      auto records = replay(entry);
      if (!records.ok()) return std::move(records).error();
      for (ByteView r : *records) *chain_ = chain_next(*chain_, r);
      if (*chain_ != record.chain) return Error(Code::kInvalid, "the journal's chain is broken");
      durable.push_back({record.last, *chain_});
    }
    return durable;
  }
  void start(JournalHandler handler) override { group_.start(std::move(handler)); }
  void append(JournalEntry entry) override { group_.append(std::move(entry)); }
  void release(Revision applied) override { log_->release(applied); }
  void scrub(Revision, Revision applied) override { log_->release(applied); }
  uint64_t syncs() const override { return group_.syncs(); }

 private:
  static Status write(MemoryLog& log, Chain& chain, std::span<const JournalEntry> entries,
                      std::vector<Durable>* durable) {
    for (const JournalEntry& entry : entries) {
      MemoryLog::Record record{entry.first, entry.last, entry.time_ns, {}, {}, 0};
      for (const Payload& part : entry.parts) {
        record.bytes.insert(record.bytes.end(), part.view().begin(), part.view().end());
      }
      record.crc = crc32c(0, record.bytes);
      for (ByteView r : entry.records) chain = chain_next(chain, r);
      record.chain = chain;
      if (!log.write(std::move(record)))
        return Error(Code::kUnavailable, "the journal's disk failed");
      durable->push_back({entry.last, chain});
    }
    return {};
  }

  std::shared_ptr<MemoryLog> log_;
  std::shared_ptr<Chain> chain_;
  GroupCommit group_;
};

std::unique_ptr<Journal> open_memory_journal(std::shared_ptr<MemoryLog> log,
                                             bus::Workers& workers) {
  return std::make_unique<MemoryJournal>(std::move(log), workers);
}

}  // namespace kubus::store
