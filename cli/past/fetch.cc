#include "cli/past/fetch.h"

#include <optional>

namespace kubus::cli {

Result<archive::Fetched> fetch_archive(Session& session, const ExportOptions& options) {
  archive::FetchOptions fetch;
  fetch.from = options.from;
  fetch.to = options.to;
  fetch.with_secrets = options.with_secrets;
  fetch.source = session.source();
  fetch.create = [path = options.path](const archive::FileHeader& header) {
    return archive::FileWriter::create(path, header);
  };
  std::optional<Result<archive::Fetched>> fetched;
  archive::Fetch running(session.host().ports(), session.client(), std::move(fetch),
                         [&](Result<archive::Fetched> r) { fetched.emplace(std::move(r)); });
  if (!session.run_until([&] { return fetched.has_value(); }))
    return Error(Code::kTimeout, "interrupted");
  return *std::move(fetched);
}

}  // namespace kubus::cli
