// A client of the Kubernetes API as client libraries are: lists through a gateway, watches from
// there, lists again when told that its past is gone. Its cache must end as the cluster is, and
// nothing may reach it twice or late.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tests/sim/checkers/chronicle.h"
#include "tests/sim/cluster/exchange.h"

namespace kubus::sim {

class ApiWatcher {
 public:
  // Of all objects of the resource at `path`: "/api/v1/pods".
  ApiWatcher(Cluster& cluster, Chronicle& chronicle, Story& story, std::string path,
             const schema::KindInfo& kind);
  bool current() const;
  void check_end();

 private:
  void look();
  void connect();
  void read_list();
  void read_events();
  void on_event(std::string_view line);
  void take(std::string_view type, const std::string& key, uint64_t revision);

  Cluster& cluster_;
  Chronicle& chronicle_;
  Story& story_;
  std::string path_;
  const schema::KindInfo& kind_;
  bus::Ports ports_;
  std::map<std::string, uint64_t> cache_;  // by "ns/name"
  uint64_t revision_ = 0;                  // 0: list first
  uint64_t last_ = 0;                      // of the kind, as the chronicle has it
  bool listing_ = false;
  std::shared_ptr<Call> call_;
  std::unique_ptr<bus::Timer> timer_;
};

}  // namespace kubus::sim
