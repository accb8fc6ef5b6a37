#include "bus/archive/fetch/fetch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "bus/archive/file/tracker.h"
#include "bus/archive/file/trimmer.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::archive {
namespace {

constexpr int kTries = 3;
constexpr size_t kBlock = 1 << 20;
constexpr uint64_t kTellEvery = 100'000;  // revisions

Hash hash_in(const flatbuffers::Vector<uint8_t>* bytes) {
  Hash out{};
  if (bytes != nullptr && bytes->size() == out.size())
    std::memcpy(out.data(), bytes->data(), out.size());
  return out;
}

std::string token_in(const wire::Outcome& outcome) {
  return outcome.continue_token() ? outcome.continue_token()->str() : "";
}

Error broken(uint64_t revision, const char* what) {
  return Error(Code::kInternal, "revision " + std::to_string(revision) + ": " + what);
}

}  // namespace

// kConflict: the horizon moved meanwhile, and took away what was not read yet.
class Fetch::Attempt {
 public:
  Attempt(const FetchOptions& options, kit::Client& client, int64_t time_ns, Done done)
      : options_(options), client_(client), done_(std::move(done)) {
    header_.time_ns = time_ns;
    ask("");
  }

 private:
  void ask(const std::string& token) {
    wire::RequestT request;
    request.source = options_.source;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Archive;
    op->revision = (header_.to ? header_.to : options_.to).value();
    op->with_secrets = options_.with_secrets;
    op->paths = options_.paths;
    op->max_bytes = options_.page_bytes;
    op->continue_token = token;
    request.operations.push_back(std::move(op));
    std::weak_ptr<bool> alive = alive_;
    client_.call(std::move(request), [this, alive](const Result<kit::Answer>& answer) {
      if (alive.expired()) return;
      Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
      if (s) s = chain_ ? take(answer->outcome()) : begin(answer->outcome());
      if (!s) return end(s.error());
      std::string next = token_in(answer->outcome());
      next.empty() ? finish() : ask(next);
    });
  }

  Status begin(const wire::Outcome& outcome) {
    header_.cluster = client_.options().cluster.value();
    oldest_ = Revision(outcome.oldest());
    header_.base = out_.base =
        std::max(oldest_, options_.from ? Revision(options_.from.value() - 1) : Revision());
    header_.to = Revision(outcome.revision());
    header_.from = options_.from;
    header_.chain = hash_in(outcome.chain());
    header_.with_secrets = options_.with_secrets;
    header_.redacted = !options_.paths.empty();
    if (header_.to < oldest_) {
      return Error(Code::kExpired, "revision " + std::to_string(header_.to.value()) +
                                       " has been compacted; the oldest is " +
                                       std::to_string(oldest_.value()));
    }
    chain_ = std::make_unique<ChainTracker>(oldest_, header_.chain);
    return header_.base > oldest_ ? Status() : begin_file();
  }

  // At the base: what lives there, then everything.
  Status begin_file() {
    header_.chain = chain_->chain();
    auto writer = options_.create(header_);
    if (!writer) return writer.error();
    writer_ = *std::move(writer);
    out_.records += trimmer_.count();
    Status given = trimmer_.give(kBlock, [this](ByteView block) { return writer_->add(block); });
    trimmer_ = {};
    return given;
  }

  Status take(const wire::Outcome& outcome) {
    if (Revision(outcome.oldest()) != oldest_) return Error(Code::kConflict, "compacted");
    const auto* bytes = outcome.archive();
    ByteView view = bytes ? ByteView(bytes->data(), bytes->size()) : ByteView();
    Entries entries(view);
    size_t begun = 0, at = 0;  // where in the page the file goes on
    while (auto entry = entries.next()) {
      if (!writer_ && entry->revision > header_.base.value()) {
        if (Status s = begin_file(); !s) return s;
      }
      if (!chain_->add(*entry)) return broken(entry->revision, "a record of an unknown form");
      out_.last = Revision(entry->revision);
      at = entries.offset();
      if (writer_) ++out_.records;
      if (writer_) continue;
      trimmer_.take(*entry, *decode_record(entry->record), chain_->event());
      begun = at;
    }
    if (entries.bad()) return broken(out_.last.value() + 1, "the store sent a malformed page");
    if (outcome.chain() != nullptr && hash_in(outcome.chain()) != chain_->chain())
      return broken(out_.last.value(), "the chain of hashes does not fit: a record was altered");
    if (options_.tell && out_.last.value() - told_ >= kTellEvery) {
      told_ = out_.last.value();
      options_.tell(out_.last, header_.to);
    }
    return begun == at ? Status() : writer_->add(view.subspan(begun));
  }

  void finish() {
    if (!writer_) {
      if (Status s = begin_file(); !s) return end(s.error());
    }
    out_.last = std::max(out_.last, oldest_);
    if (out_.last < header_.to) return end(broken(out_.last.value() + 1, "the store left it out"));
    Status s = writer_->finish({out_.records, out_.last, chain_->chain()});
    s ? end(out_) : end(s.error());
  }

  // Whoever is told may destroy this.
  void end(Result<Fetched> result) {
    auto done = std::move(done_);
    done(std::move(result));
  }

  const FetchOptions& options_;
  kit::Client& client_;
  Done done_;
  FileHeader header_;
  Revision oldest_;
  Trimmer trimmer_;  // of what stands before the base
  Fetched out_;
  std::unique_ptr<FileWriter> writer_;
  std::unique_ptr<ChainTracker> chain_;
  uint64_t told_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Fetch::Fetch(bus::Ports ports, kit::Client& client, FetchOptions options, Done done)
    : ports_(ports), client_(client), options_(std::move(options)), done_(std::move(done)) {
  begin();
}

Fetch::~Fetch() = default;

void Fetch::begin() {
  ++attempts_;
  attempt_ = std::make_unique<Attempt>(options_, client_, ports_.clock.wall_ns(),
                                       [this](Result<Fetched> result) { over(std::move(result)); });
}

// The attempt is not done yet with the answer that ended it.
void Fetch::over(Result<Fetched> result) {
  bool conflict = !result && result.error().code == Code::kConflict;
  if (!conflict) return std::exchange(done_, nullptr)(std::move(result));
  if (attempts_ < kTries) {
    again_ = ports_.clock.after({}, [this] { begin(); });
    return;
  }
  std::exchange(done_, nullptr)(
      Error(Code::kUnavailable, "the history is compacted faster than it can be read"));
}

}  // namespace kubus::archive
