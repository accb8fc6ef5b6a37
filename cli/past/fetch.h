// The records of a living cluster into an archive file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bus/archive/fetch/fetch.h"
#include "cli/session.h"

namespace kubus::cli {

struct ExportOptions {
  std::string path;
  Revision from, to;  // asked for; to 0: all there is now
  bool with_secrets = false;
  std::vector<std::string> paths = {};  // what is masked, RESOURCE[.GROUP][/NAME]:PATH
  std::function<void(Revision at, Revision last)> tell = {};  // how far it is, now and then
};

// Tells it on standard error, on a terminal in one line that changes.
void tell_progress(Revision at, Revision last);

// What lives before `from` and everything from there on, or all that there is, up to `to`, followed
// along the chain of hashes. Nothing stands at the path unless all of it does.
Result<archive::Fetched> fetch_archive(Session& session, const ExportOptions& options);
// The same, and says what is in the file.
Status save_archive(Session& session, const ExportOptions& options);

}  // namespace kubus::cli
