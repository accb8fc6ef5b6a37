// The records of a living cluster into an archive file.
#pragma once

#include <string>

#include "bus/archive/fetch/fetch.h"
#include "cli/session.h"

namespace kubus::cli {

struct ExportOptions {
  std::string path;
  Revision from, to;  // asked for; to 0: all there is now
  bool with_secrets = false;
};

// Everything from the horizon up to `to`, followed along the chain of hashes. Nothing stands at the
// path unless all of it does.
Result<archive::Fetched> fetch_archive(Session& session, const ExportOptions& options);

}  // namespace kubus::cli
