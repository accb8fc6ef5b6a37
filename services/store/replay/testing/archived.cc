#include "services/store/replay/testing/archived.h"

#include <cstring>
#include <optional>

#include "bus/archive/file/tracker.h"
#include "schemas/bus/envelope_generated.h"
#include "services/store/state/loader.h"

namespace kubus::store::testing {
namespace {

Chain chain_of(const wire::Outcome& outcome) {
  Chain out{};
  if (outcome.chain() != nullptr && outcome.chain()->size() == out.size())
    std::memcpy(out.data(), outcome.chain()->data(), out.size());
  return out;
}

}  // namespace

Result<Archived> fetch_archived(kit::Client& client, const RunUntil& run_until, bool with_secrets,
                                uint32_t page_bytes) {
  Archived out;
  out.cluster = client.options().cluster.value();
  std::string token;
  bool first = true;
  do {
    wire::RequestT request;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Archive;
    op->revision = out.last.value();
    op->with_secrets = with_secrets;
    op->max_bytes = page_bytes;
    op->continue_token = token;
    request.operations.push_back(std::move(op));
    std::optional<Result<kit::Answer>> answer;
    client.call(std::move(request), [&](Result<kit::Answer> a) { answer.emplace(std::move(a)); });
    if (!run_until([&] { return answer.has_value(); }))
      return Error(Code::kTimeout, "no answer ever came");
    if (!*answer) return answer->error();
    const wire::Outcome& outcome = (*answer)->outcome();
    if (Status s = kit::status_of(outcome); !s) return s.error();
    if (first) {
      out.base = Revision(outcome.oldest());
      out.last = Revision(outcome.revision());
      out.at_base = chain_of(outcome);
    }
    if (Revision(outcome.oldest()) != out.base) return Error(Code::kConflict, "compacted");
    if (const auto* bytes = outcome.archive())
      out.pages.push_back(Payload::copy_of({bytes->data(), bytes->size()}));
    token = outcome.continue_token() ? outcome.continue_token()->str() : "";
    if (!first && token.empty()) out.at_end = chain_of(outcome);
    first = false;
  } while (!token.empty());
  return out;
}

Result<std::shared_ptr<MemoryTables>> load(const Archived& archived) {
  auto tables = std::make_shared<MemoryTables>();
  auto engine = open_memory(tables);
  Loader loader(*engine, archived.cluster, {archived.base.value(), 0, archived.at_base});
  archive::ChainTracker chain(archived.base, archived.at_base);
  for (const Payload& page : archived.pages) {
    archive::Entries entries(page.view());
    while (auto entry = entries.next()) {
      if (!chain.add(*entry)) return Error(Code::kInvalid, "a record of an unknown form");
      if (Status s = loader.add(*entry, chain.event()); !s) return s.error();
    }
    if (entries.bad()) return Error(Code::kInvalid, "a malformed page");
  }
  if (archived.at_end != Chain{} && archived.at_end != chain.chain())
    return Error(Code::kInvalid, "the chain of hashes does not fit");
  if (Status s = loader.finish(chain.chain()); !s) return s.error();
  return tables;
}

Status write_file(const Archived& archived, const std::string& path) {
  archive::FileHeader header;
  header.cluster = archived.cluster;
  header.base = archived.base;
  header.to = archived.last;
  header.chain = archived.at_base;
  auto writer = archive::FileWriter::create(path, header);
  if (!writer) return writer.error();
  archive::ChainTracker chain(archived.base, archived.at_base);
  archive::FileTrailer trailer;
  for (const Payload& page : archived.pages) {
    archive::Entries entries(page.view());
    while (auto entry = entries.next()) {
      if (!chain.add(*entry)) return Error(Code::kInvalid, "a record of an unknown form");
      ++trailer.count;
    }
    if (Status s = (*writer)->add(page.view()); !s) return s;
  }
  trailer.last = archived.last;
  trailer.chain = chain.chain();
  return (*writer)->finish(trailer);
}

}  // namespace kubus::store::testing
