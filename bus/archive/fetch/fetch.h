// The records of a living cluster into an archive: asked for page by page over the bus, and
// followed along the chain of hashes. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/archive/file/file.h"
#include "bus/kit/client.h"

namespace kubus::archive {

struct FetchOptions {
  Revision from, to;  // asked for; to 0: all there is when it begins
  bool with_secrets = false;
  std::vector<std::string> paths;  // what is masked, RESOURCE[.GROUP][/NAME]:PATH
  uint32_t page_bytes = 0;         // 0: the store's own size
  std::string source;              // of the requests, for the audit
  // Where the records go, of each attempt anew. Without finish() nothing of it may be left.
  std::function<Result<std::unique_ptr<FileWriter>>(const FileHeader&)> create;
  // Told now and then how far it is; may be empty.
  std::function<void(Revision at, Revision last)> tell = {};
};

struct Fetched {
  uint64_t records = 0;
  Revision base, last;
};

class Fetch {
 public:
  using Done = std::function<void(Result<Fetched>)>;

  // What lives before `from` and everything from there on, or from the horizon, up to `to`. If the
  // horizon moves meanwhile it begins again, a few times. `done` comes once, never before this has
  // returned: kExpired: `to` has been compacted; kUnavailable: it is compacted faster than it can
  // be read; kInternal: what the store sent is not what it says; else what the client or the writer
  // says. Destroying it ends it without a word.
  Fetch(bus::Ports ports, kit::Client& client, FetchOptions options, Done done);
  ~Fetch();
  Fetch(const Fetch&) = delete;

 private:
  class Attempt;
  void begin();
  void over(Result<Fetched> result);

  bus::Ports ports_;
  kit::Client& client_;
  FetchOptions options_;
  Done done_;
  int attempts_ = 0;
  std::unique_ptr<Attempt> attempt_;
  std::unique_ptr<bus::Timer> again_;
};

}  // namespace kubus::archive
