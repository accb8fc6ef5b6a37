// Memory and processor time of a cluster's processes, from the kernel. Linux only.
#pragma once

#include <map>
#include <string>

namespace kubus::bench {

struct Usage {
  double cpu_seconds = 0, pss_mb = 0;  // PSS: without the store's mapped file
};

// By component, as STATE/run/status.json names its processes. What is gone has no entry.
std::map<std::string, Usage> usage_of(const std::string& state, bool memory);

}  // namespace kubus::bench
