#include "cli/past/fetch.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <optional>

namespace kubus::cli {

void tell_progress(Revision at, Revision last) {
  const char* form = ::isatty(STDERR_FILENO) != 0 ? "\rrevision %" PRIu64 " of %" PRIu64 " "
                                                  : "revision %" PRIu64 " of %" PRIu64 "\n";
  std::fprintf(stderr, form, at.value(), last.value());
}

Result<archive::Fetched> fetch_archive(Session& session, const ExportOptions& options) {
  archive::FetchOptions fetch;
  fetch.from = options.from;
  fetch.to = options.to;
  fetch.with_secrets = options.with_secrets;
  fetch.paths = options.paths;
  fetch.tell = options.tell;
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

Status save_archive(Session& session, const ExportOptions& options) {
  auto done = fetch_archive(session, options);
  if (!done) return done.error();
  std::printf("%" PRIu64 " records, revisions %" PRIu64 " to %" PRIu64 ", in %s\n", done->records,
              done->base.value(), done->last.value(), options.path.c_str());
  return {};
}

}  // namespace kubus::cli
