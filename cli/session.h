// A verb's connection to its cluster: bus, client, and a way to wait for one answer.
// Single-threaded.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "cli/cluster/config.h"
#include "cli/command.h"
#include "cli/past/private_replay.h"

namespace kubus::cli {

class Session {
 public:
  // Connects as the cluster's administrator, or with --file to what that file has kept. kNotFound:
  // no cluster there; kUnavailable: it is not running; kBadRequest: not such a file.
  static Result<std::unique_ptr<Session>> open(const Invocation& call);
  static Result<std::unique_ptr<Session>> open(const Layout& layout);

  bus::Host& host() { return *host_; }
  kit::Client& client() { return *client_; }
  const Layout& layout() const { return layout_; }
  // What "-10m" counts from, unix ns: now, or when the file was made.
  int64_t now_ns();
  // From where this asks, as the audit tells it.
  std::string source() const;

  // Sends the request and runs the loop until it is answered.
  Result<kit::Answer> call(wire::RequestT request);
  Result<Object> get(const ObjectKey& key);
  Result<kit::Page> list_all(const schema::KindInfo& kind, const std::string& ns,
                             const std::string& labels, const std::string& fields);
  // Runs the loop until `done()`; false if it was interrupted (Ctrl-C).
  bool run_until(const std::function<bool()>& done);
  bool interrupted() const { return interrupted_; }

 private:
  explicit Session(Layout layout) : layout_(std::move(layout)) {}
  std::unique_ptr<PrivateReplay> file_;  // what is connected to, if that is a file
  Layout layout_;
  std::unique_ptr<bus::Host> host_;
  std::unique_ptr<kit::Client> client_;
  bool interrupted_ = false;
};

}  // namespace kubus::cli
