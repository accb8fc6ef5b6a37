#include "services/store/journal/group.h"

#include <algorithm>
#include <atomic>

#include "schemas/lib/base/check.h"

namespace kubus::store {
namespace {

size_t size_of(const JournalEntry& entry) {
  size_t size = 0;
  for (const Payload& part : entry.parts) size += part.size();
  return size;
}

}  // namespace

struct GroupCommit::Job {
  std::vector<JournalEntry> group;
  std::vector<Durable> durable;
  Status status;
  std::atomic<bool> cancelled = false;
};

GroupCommit::GroupCommit(bus::Workers& workers, GroupWriter writer, size_t max_bytes)
    : workers_(workers), writer_(std::move(writer)), max_bytes_(max_bytes) {}

GroupCommit::~GroupCommit() {
  if (running_) running_->cancelled = true;
}

void GroupCommit::start(JournalHandler handler) {
  handler_ = std::move(handler);
  handler_.role(Role::kLeader, 1);
}

void GroupCommit::append(JournalEntry entry) {
  KUBUS_CHECK(!failed_);
  waiting_.push_back(std::move(entry));
  if (!running_) run();
}

std::span<const JournalEntry> GroupCommit::in_flight() const {
  if (!running_) return {};
  return running_->group;
}

void GroupCommit::run() {
  size_t n = 0, bytes = 0;
  while (n < waiting_.size() && (n == 0 || bytes < max_bytes_)) bytes += size_of(waiting_[n++]);
  auto job = std::make_shared<Job>();
  auto end = waiting_.begin() + static_cast<ptrdiff_t>(n);
  job->group.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  running_ = job;
  workers_.run(
      "journal",
      [job, writer = writer_] {
        if (!job->cancelled) job->status = writer(job->group, &job->durable);
      },
      [this, job] {
        if (!job->cancelled) on_written(*job);
      });
}

void GroupCommit::on_written(const Job& job) {
  auto keep = std::move(running_);
  if (!job.status.ok()) {
    failed_ = true;
    waiting_.clear();
    handler_.lost(job.status.error());
    return;
  }
  ++syncs_;
  if (!waiting_.empty()) run();  // the next sync runs while this one's outcome is told
  handler_.committed(job.durable);
}

}  // namespace kubus::store
