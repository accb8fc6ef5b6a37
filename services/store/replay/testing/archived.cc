#include "services/store/replay/testing/archived.h"

#include <optional>

#include "bus/archive/fetch/fetch.h"
#include "bus/archive/file/tracker.h"
#include "services/store/state/loader.h"

namespace kubus::store::testing {
namespace {

// Keeps the pages.
class Pages : public archive::FileWriter {
 public:
  explicit Pages(Archived& to) : to_(to) {}
  Status add(ByteView entries) override {
    to_.pages.push_back(Payload::copy_of(entries));
    return {};
  }
  Status finish(const archive::FileTrailer& trailer) override {
    to_.at_end = trailer.chain;
    return {};
  }

 private:
  Archived& to_;
};

}  // namespace

Result<Archived> fetch_archived(bus::Ports ports, kit::Client& client, const RunUntil& run_until,
                                bool with_secrets, uint32_t page_bytes) {
  Archived out;
  archive::FetchOptions options;
  options.with_secrets = with_secrets;
  options.page_bytes = page_bytes;
  options.create = [&out](const archive::FileHeader& header) {
    out = {header.cluster, header.base, header.to, header.chain, {}, {}};
    return Result<std::unique_ptr<archive::FileWriter>>(std::make_unique<Pages>(out));
  };
  std::optional<Result<archive::Fetched>> fetched;
  archive::Fetch running(ports, client, std::move(options),
                         [&](auto result) { fetched.emplace(std::move(result)); });
  if (!run_until([&] { return fetched.has_value(); }))
    return Error(Code::kTimeout, "no answer ever came");
  if (!*fetched) return fetched->error();
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
  if (archived.at_end != chain.chain())
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
