// What the node and its containers use now, told to those who collect figures. CPU is measured
// between two looks at least a second apart; between requests nothing is measured. Loop thread
// only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/kubelet/cri/runtime.h"
#include "bus/kit/client.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

// One look: times in nanoseconds of CPU time.
struct UsageSample {
  int64_t at = 0;  // unix nanoseconds
  uint64_t node_cpu_ns = 0, node_memory_bytes = 0;
  std::vector<Usage> containers;
};
// The node's part, from the kernel.
UsageSample read_node_usage(int64_t now);

// {"node":{"cpuMilli","memoryBytes"},"pods":[{"namespace","name","containers":[{"name","cpuMilli",
// "memoryBytes"}]}]}: `now` against `before`. Pure.
std::string usage_text(const UsageSample& before, const UsageSample& now);

class UsageReporter {
 public:
  // Containers with all of `labels` are counted.
  UsageReporter(bus::Ports ports, kit::Client& client, Runtime& runtime, std::string node,
                Labels labels);
  UsageReporter(const UsageReporter&) = delete;

 private:
  void on_request(const bus::Message& message);
  void look();
  void on_look(UsageSample sample, Result<std::vector<Usage>> containers);
  void answer(const UsageSample& before, const UsageSample& now);

  bus::Ports ports_;
  kit::Client& client_;
  Runtime& runtime_;
  Labels labels_;
  UsageSample last_;
  std::vector<std::string> waiting_;  // reply subjects
  bool looking_ = false;
  std::unique_ptr<bus::Timer> timer_;
  std::unique_ptr<bus::Subscription> subscription_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
