#include "cli/past/fetch.h"

#include <cstring>

#include "bus/archive/file/file.h"
#include "bus/archive/file/tracker.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::cli {
namespace {

constexpr int kTries = 3;

Result<kit::Answer> ask(Session& session, const ExportOptions& options, const std::string& token) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Archive;
  op->revision = options.to.value();
  op->with_secrets = options.with_secrets;
  op->continue_token = token;
  request.operations.push_back(std::move(op));
  return session.call(std::move(request));
}

archive::Hash hash_in(const flatbuffers::Vector<uint8_t>* bytes) {
  archive::Hash out{};
  if (bytes != nullptr && bytes->size() == out.size())
    std::memcpy(out.data(), bytes->data(), out.size());
  return out;
}

Error broken(uint64_t revision, const char* what) {
  return Error(Code::kInternal, "revision " + std::to_string(revision) + ": " + what);
}

// One attempt. kConflict: the horizon moved meanwhile, and took away what was not read yet.
class Fetch {
 public:
  Fetch(Session& session, ExportOptions options)
      : session_(session), options_(std::move(options)) {}

  Result<Exported> run() {
    auto first = ask(session_, options_, "");
    if (!first) return first.error();
    const wire::Outcome& begin = first->outcome();
    options_.to = Revision(begin.revision());
    out_.base = Revision(begin.oldest());
    header_.cluster = session_.client().options().cluster.value();
    header_.base = out_.base;
    header_.to = options_.to;
    header_.from = options_.from;
    header_.time_ns = session_.host().ports().clock.wall_ns();
    header_.chain = hash_in(begin.chain());
    header_.with_secrets = options_.with_secrets;
    if (options_.to < out_.base) {
      return Error(Code::kExpired, "revision " + std::to_string(options_.to.value()) +
                                       " has been compacted; the oldest is " +
                                       std::to_string(out_.base.value()));
    }
    auto writer = archive::FileWriter::create(options_.path, header_);
    if (!writer) return writer.error();
    archive::ChainTracker chain(out_.base, header_.chain);
    std::string token = begin.continue_token() ? begin.continue_token()->str() : "";
    while (!token.empty()) {
      auto page = ask(session_, options_, token);
      if (!page) return page.error();
      if (Status s = take(*page, &chain, writer->get()); !s) return s.error();
      const auto* next = page->outcome().continue_token();
      token = next ? next->str() : "";
    }
    out_.last = std::max(out_.last, out_.base);
    if (out_.last < options_.to) return broken(out_.last.value() + 1, "the store left it out");
    if (Status s = (*writer)->finish({out_.records, out_.last, chain.chain()}); !s)
      return s.error();
    return out_;
  }

 private:
  Status take(const kit::Answer& page, archive::ChainTracker* chain, archive::FileWriter* writer) {
    const wire::Outcome& outcome = page.outcome();
    if (Revision(outcome.oldest()) != out_.base) return Error(Code::kConflict, "compacted");
    const auto* bytes = outcome.archive();
    ByteView view = bytes ? ByteView(bytes->data(), bytes->size()) : ByteView();
    archive::Entries entries(view);
    while (auto entry = entries.next()) {
      if (!chain->add(*entry)) return broken(entry->revision, "a record of an unknown form");
      out_.last = Revision(entry->revision);
      ++out_.records;
    }
    if (entries.bad()) return broken(out_.last.value() + 1, "the store sent a malformed page");
    if (outcome.chain() != nullptr && hash_in(outcome.chain()) != chain->chain())
      return broken(out_.last.value(), "the chain of hashes does not fit: a record was altered");
    return writer->add(view);
  }

  Session& session_;
  ExportOptions options_;
  archive::FileHeader header_;
  Exported out_;
};

}  // namespace

Result<Exported> fetch_archive(Session& session, const ExportOptions& options) {
  for (int i = 1;; ++i) {
    auto done = Fetch(session, options).run();
    if (done || done.error().code != Code::kConflict) return done;
    if (i == kTries)
      return Error(Code::kUnavailable, "the history is compacted faster than it can be read");
  }
}

}  // namespace kubus::cli
