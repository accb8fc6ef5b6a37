#include "services/store/restore/load.h"

#include <deque>
#include <vector>

#include "bus/archive/file/tracker.h"
#include "bus/host/work_loop.h"
#include "bus/secrets/seal.h"

namespace kubus::store {
namespace {

constexpr int kThreads = 2;
constexpr size_t kShards = 2;  // objects are shared out, for deltas need what came before
constexpr size_t kInFlight = 6;
constexpr uint64_t kProgressEvery = 250'000;  // revisions

struct Item {
  archive::Entry entry;
  Record record;
  const wire::Event* event = nullptr;
  archive::Digests digests;
  Buffer made;
};

struct Batch {
  Payload block;
  std::vector<Item> items;
  size_t waiting = kShards;
  Status of_shard[kShards];
  Status status;
  bool last = false;
};

class Load {
 public:
  Load(std::string file, Engine* engine, LoadOptions options)
      : file_(std::move(file)), engine_(engine), options_(std::move(options)) {}

  Result<Loaded> run() {
    auto reader = archive::FileReader::open(file_);
    if (!reader) return reader.error();
    reader_ = *std::move(reader);
    out_.header = reader_->header();
    if (Status s = check_point(); !s) return s.error();
    Applied horizon{out_.header.base.value(), 0, out_.header.chain};
    chain_ = chain_at_end_ = out_.header.chain;
    loader_.emplace(*engine_, out_.header.cluster, horizon, options_.indexed_of);
    bus::WorkLoop loop(kThreads);
    workers_ = &loop.workers();
    for (size_t i = 0; i < kInFlight; ++i) read_next();
    loop.run_until([&] { return in_flight_ == 0; });
    if (!status_) return status_.error();
    return finish();
  }

 private:
  using Shared = std::shared_ptr<Batch>;

  Status check_point() const {
    uint64_t to = options_.to_revision;
    if (to != 0 && to < out_.header.base.value()) {
      return Error(Code::kExpired, file_ + ": revision " + std::to_string(to) +
                                       " had been compacted when it was made; it begins at " +
                                       std::to_string(out_.header.base.value()));
    }
    if (to <= out_.header.to.value()) return {};
    return Error(Code::kBadRequest, file_ + ": revision " + std::to_string(to) +
                                        " lies behind its last, " +
                                        std::to_string(out_.header.to.value()));
  }

  void read_next() {
    if (over_ || !status_) return;
    ++in_flight_;
    auto batch = std::make_shared<Batch>();
    workers_->run(
        "read", [this, batch] { read(batch.get()); },
        [this, batch] {
          over_ |= batch->last;
          for (size_t s = 0; s < kShards; ++s) share_out(batch, s);
        });
  }
  void share_out(const Shared& batch, size_t shard) {
    workers_->run(
        shard == 0 ? "unpack 0" : "unpack 1",
        [this, batch, shard] {
          if (batch->status) batch->of_shard[shard] = unpack(batch.get(), shard);
        },
        [this, batch] {
          if (--batch->waiting > 0) return;
          workers_->run(
              "load", [this, batch] { load(batch.get()); }, [this, batch] { on_loaded(batch); });
        });
  }
  void on_loaded(const Shared& batch) {
    --in_flight_;
    if (status_ && !batch->status) status_ = batch->status;
    uint64_t at = batch->items.empty() ? told_ : batch->items.back().entry.revision;
    if (options_.progress && at - told_ >= kProgressEvery) {
      told_ = at;
      options_.progress(Revision(at), out_.header.to);
    }
    read_next();
  }

  Error bad(uint64_t revision, const char* what) const {
    return Error(Code::kInvalid, file_ + ": revision " + std::to_string(revision) + ": " + what);
  }
  Status in_file(const Status& s) const {
    return s ? s : Status(Error(s.error().code, file_ + ": " + s.error().message));
  }

  // ---- on workers ----

  void read(Batch* batch) {
    if (ended_) return;
    auto block = reader_->next();
    if (!block) {
      batch->status = block.error();
      ended_ = true;
      return;
    }
    batch->last = ended_ = block->empty();
    batch->block = *std::move(block);
    archive::Entries entries(batch->block.view());
    while (auto entry = entries.next()) {
      Item& item = batch->items.emplace_back();
      item.entry = *entry;
      auto record = decode_record(entry->record);
      if (record) item.record = *record;
      if (record) continue;
      batch->status = bad(entry->revision, "a record of a form that this program does not know");
      ended_ = true;
      return;
    }
  }

  Status unpack(Batch* batch, size_t shard) {
    archive::Unpacker& unpacker = unpackers_[shard];
    for (Item& item : batch->items) {
      if (item.record.header.oid % kShards != shard) continue;
      uint64_t revision = item.entry.revision;
      auto bytes = unpacker.take(revision, item.record, &item.made);
      if (!bytes) return bad(revision, "the version that it hangs on is missing or does not fit");
      auto event = sound_event(revision, item.record, *bytes);
      if (!event) return in_file(event.error());
      item.event = *event;
      if (!item.digests.take(item.entry, item.record, *bytes))
        return bad(revision, "a malformed digest of a confidential body");
    }
    return {};
  }

  void load(Batch* batch) {
    for (const Status& s : batch->of_shard) {
      if (batch->status && !s) batch->status = s;
    }
    for (const Item& item : batch->items) {
      if (!batch->status || failed_) break;
      batch->status = take(item);
    }
    failed_ |= !batch->status.ok();
  }

  Status take(const Item& item) {
    uint64_t revision = item.entry.revision;
    bool above = revision > out_.header.base.value();
    if (above) chain_ = item.digests.after(chain_);
    bool behind = (options_.to_revision != 0 && revision > options_.to_revision) ||
                  (options_.to_time_ns != 0 && item.event->time() > options_.to_time_ns);
    if (behind && !above)
      return Error(Code::kExpired, file_ + ": what was then had been compacted when it was made");
    if (behind) return {};
    chain_at_end_ = chain_;
    ++out_.records;
    if (item.entry.what == archive::Entry::Secret::kDigest) ++out_.left_out;
    if (item.entry.what == archive::Entry::Secret::kBody) {
      auto sealed = secrets::header_of(item.entry.secret);
      if (sealed && sealed->key_id != 0) out_.keys.insert(sealed->key_id);
    }
    return in_file(loader_->add(item.entry, item.record, *item.event));
  }

  Result<Loaded> finish() {
    if (chain_ != reader_->trailer().chain) {
      return Error(Code::kInvalid,
                   file_ + ": the chain of hashes does not fit: a record was altered");
    }
    if (Status s = loader_->finish(chain_at_end_); !s) return s.error();
    out_.last = std::max(Revision(loader_->last()), out_.header.base);
    out_.time_ns = loader_->last_time_ns();
    if (options_.to_time_ns != 0 && out_.records == 0)
      return Error(Code::kBadRequest, file_ + ": nothing had happened then yet");
    return out_;
  }

  std::string file_;
  Engine* engine_;
  LoadOptions options_;
  bus::Workers* workers_ = nullptr;
  std::unique_ptr<archive::FileReader> reader_;
  std::optional<Loader> loader_;
  archive::Unpacker unpackers_[kShards];
  Loaded out_;
  Chain chain_{}, chain_at_end_{};
  bool ended_ = false;   // nothing is left to be read
  bool failed_ = false;  // nothing is loaded any more
  // The caller's thread.
  size_t in_flight_ = 0;
  uint64_t told_ = 0;
  bool over_ = false;
  Status status_;
};

}  // namespace

Result<Loaded> load_archive(const std::string& file, Engine* engine, LoadOptions options) {
  return Load(file, engine, std::move(options)).run();
}

}  // namespace kubus::store
