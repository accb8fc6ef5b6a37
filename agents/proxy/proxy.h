// Makes Services answer on this node: follows Services and EndpointSlices, and keeps the kernel's
// table so. What the kernel has stays as it is while the bus is away. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agents/proxy/dataplane.h"
#include "agents/proxy/table.h"
#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/ports/ports.h"

namespace kubus::proxy {

struct ProxyOptions {
  kit::ClientOptions client;
  std::string node;
  TableOptions table;
  // Called with the whole table some seconds after it changed, to be kept for a start without a
  // bus. May be empty.
  std::function<void(std::string whole)> keep;
};

struct ProxyStats {
  uint64_t transactions = 0, failures = 0;
  size_t services = 0, elements = 0;
};

class Proxy {
 public:
  Proxy(bus::Ports ports, Dataplane& dataplane, ProxyOptions options);
  Proxy(const Proxy&) = delete;
  ProxyStats stats() const;

 private:
  void on_service(const kit::Informer::Change& change);
  void on_slice(const kit::Informer::Change& change);
  void mark(const std::string& service);
  void arm(bus::Duration delay);
  void on_turn();
  void update(const std::string& service);
  void on_applied(const Status& status);
  void on_keep_timeout();

  bus::Ports ports_;
  Dataplane& dataplane_;
  ProxyOptions options_;
  kit::Client client_;
  kit::Informer services_, slices_;
  Table table_;
  std::map<std::string, std::set<std::string>> slices_of_;  // names, by Service
  std::map<std::string, std::map<std::string, std::vector<Endpoint>>> order_;
  std::set<std::string> dirty_;
  std::unique_ptr<bus::Timer> timer_, keep_timer_;
  bool busy_ = false, known_ = false;
  int failures_in_a_row_ = 0;
  ProxyStats stats_;
};

}  // namespace kubus::proxy
