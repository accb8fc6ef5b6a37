// A client of a running cluster for loads: makes nodes and Pods, and sees what becomes of them.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "bus/kit/feed.h"
#include "schemas/bus/envelope_generated.h"
#include "tests/bench/load.h"

namespace kubus::bench {

// When the first was sent, and each.
struct Begun {
  int64_t at = 0;
  std::vector<int64_t> created;
};

class ScaleCluster {
 public:
  explicit ScaleCluster(const std::string& state);

  // One object; that it is there already is fine, any other failure ends the program.
  void create(const std::string& resource, const std::string& group, const std::string& text);
  // node-0, node-1, …, kept alive by heartbeats from now on.
  void add_nodes(int count, const std::vector<std::string>& zones);
  // `flying` requests at once, each of `bulk` Pods. Returns when all are there.
  Begun create_pods(int count, int flying, int bulk, const std::function<std::string(int)>& text);
  // Each second a node, a Pod that fits nowhere and a Service go and come.
  void churn();
  void delete_pods(const std::string& ns);
  bool run_until(const std::function<bool()>& done, bus::Duration patience);

  bus::Host& host() { return host_; }
  kit::Client& client() { return client_; }

 private:
  void beat();
  void churn_once();
  void send(wire::RequestT request, std::function<void()> then);

  bus::Credentials credentials_;
  bus::Host host_;
  kit::Client client_;
  int nodes_ = 0, churned_ = 0;
  std::unique_ptr<bus::Timer> beat_timer_, churn_timer_;
};

// Follows the Pods PREFIX0, PREFIX1, … and notes when each first was as asked.
class Watch {
 public:
  using Is = bool (*)(const Object& pod);
  static bool bound(const Object& pod);
  static bool running(const Object& pod);

  // From now on; returns when the feed stands.
  Watch(ScaleCluster& cluster, std::string prefix, size_t count, Is is);
  bool complete() const { return missing_ == 0; }
  size_t missing() const { return missing_; }

  std::vector<int64_t> seen;  // 0: not yet

 private:
  void on_event(const kit::EventView& event);

  std::string prefix_;
  Is is_;
  size_t missing_;
  std::unique_ptr<kit::Feed> feed_;
};

}  // namespace kubus::bench
