#include "services/store/journal/segment.h"

#include "services/store/journal/group.h"
#include "services/store/journal/segment_files.h"

namespace kubus::store {
namespace {

constexpr size_t kGroupBytes = 8 << 20;

class SegmentJournal : public Journal {
 public:
  SegmentJournal(std::shared_ptr<SegmentFiles> files, bus::Workers& workers)
      : files_(std::move(files)),
        workers_(workers),
        group_(workers, writer_of(files_), kGroupBytes) {}
  ~SegmentJournal() override { files_->stop(); }

  Result<std::vector<Durable>> recover(Revision applied, const Chain& chain,
                                       const Replay& replay) override {
    return files_->recover(applied, chain, replay);
  }
  void start(JournalHandler handler) override {
    group_.start(std::move(handler));
    in_background(workers_, files_, [](SegmentFiles& files) { files.prepare(); });
  }
  void append(JournalEntry entry) override { group_.append(std::move(entry)); }
  void release(Revision applied) override {
    in_background(workers_, files_, [applied](SegmentFiles& files) {
      files.release(applied);
      files.prepare();
    });
  }
  // The segment that is written to is closed first, on the lane that writes.
  void scrub(Revision to, Revision applied) override {
    workers_.run(
        "journal",
        [weak = std::weak_ptr(files_), to] {
          if (auto files = weak.lock()) files->close_segment(to);
        },
        [weak = std::weak_ptr(files_), applied, &workers = workers_] {
          in_background(workers, weak, [applied](SegmentFiles& files) { files.release(applied); });
        });
  }
  uint64_t syncs() const override { return group_.syncs(); }

 private:
  // Jobs that begin when the journal is gone find no files: a store that is opened after it has
  // them for itself.
  static GroupWriter writer_of(std::weak_ptr<SegmentFiles> weak) {
    return [weak](std::span<const JournalEntry> entries, std::vector<Durable>* durable) -> Status {
      auto files = weak.lock();
      if (!files) return Error(Code::kUnavailable, "the journal was closed");
      return files->write(entries, durable);
    };
  }
  static void in_background(bus::Workers& workers, std::weak_ptr<SegmentFiles> weak,
                            std::function<void(SegmentFiles&)> job) {
    workers.run(
        "journal-files",
        [weak, job = std::move(job)] {
          if (auto files = weak.lock()) job(*files);
        },
        [] {});
  }

  std::shared_ptr<SegmentFiles> files_;
  bus::Workers& workers_;
  GroupCommit group_;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_segments(const SegmentOptions& options,
                                               bus::Workers& workers) {
  auto files = std::make_shared<SegmentFiles>(options);
  if (Status s = files->open(); !s.ok()) return s.error();
  return std::unique_ptr<Journal>(std::make_unique<SegmentJournal>(std::move(files), workers));
}

}  // namespace kubus::store
