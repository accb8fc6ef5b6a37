// A replay of an archive file with a bus of its own: nats-server and kubus-replay and, for those
// who speak the Kubernetes API, kubus-gateway, in a temporary directory that is laid out as a
// cluster's. All of it ends and is removed with this object, or with this process, however that
// ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/cluster/config.h"
#include "cli/cluster/layout.h"
#include "cli/past/child.h"

namespace kubus::cli {

struct PrivateReplayOptions {
  std::string file;
  // Instead of a file: fetches it to the path given, which vanishes with the rest.
  std::function<Status(const std::string& path)> fetch;
  // Instead of a bus of its own: the credentials of user `replay` on another's.
  std::string credentials;
  std::string name = "file";       // the cluster's is "replay.<name>"
  std::vector<std::string> range;  // kubus-replay's options: where it begins, how fast it goes
  std::string api;                 // ADDRESS:PORT of the API, port 0: any; "" : none
};

class PrivateReplay {
 public:
  // Returns when it answers. Errors are kubus-replay's own (a file that is none, a range that is
  // not in it), or say which program could not be started.
  static Result<std::unique_ptr<PrivateReplay>> start(const PrivateReplayOptions& options);
  PrivateReplay(const PrivateReplay&) = delete;

  const Layout& layout() const { return layout_; }
  const ClusterConfig& config() const { return config_; }
  // When the file was made (unix ns); 0: it was fetched just now.
  int64_t time_ns() const { return time_ns_; }
  // The first of the processes that has ended; null while all run.
  Child* ended();

 private:
  PrivateReplay() = default;
  Status make_directory();
  Status prepare(const PrivateReplayOptions& options);
  Status run(const PrivateReplayOptions& options);
  Status run_gateway();
  Result<Child*> add(const std::vector<std::string>& argv, const std::string& log);

  Layout layout_;
  ClusterConfig config_;
  int64_t time_ns_ = 0;
  std::unique_ptr<Sweeper> sweeper_;              // last to go
  std::vector<std::unique_ptr<Child>> children_;  // in order of starting
};

}  // namespace kubus::cli
