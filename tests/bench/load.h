// What every load has in common: how many at once, for how long, and the figures that come out.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace kubus::bench {

inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Latencies in nanoseconds; sorts them.
inline double percentile_ms(std::vector<int64_t>& latencies, double p) {
  if (latencies.empty()) return 0;
  std::sort(latencies.begin(), latencies.end());
  size_t i = static_cast<size_t>(p * static_cast<double>(latencies.size() - 1));
  return static_cast<double>(latencies[i]) / 1e6;
}

// One JSON object on one line, as the driver script reads it.
inline void print_figures(int64_t elapsed_ns, std::vector<int64_t>& latencies) {
  double seconds = static_cast<double>(elapsed_ns) / 1e9;
  std::printf("{\"per_s\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"count\": %zu}\n",
              static_cast<double>(latencies.size()) / seconds, percentile_ms(latencies, 0.50),
              percentile_ms(latencies, 0.99), latencies.size());
}

// 64 hexadecimal digits of a name, uniformly spread; deterministic by seed and index.
inline std::string random_name(uint64_t seed, uint64_t index) {
  uint64_t z = seed * 0x9E3779B97F4A7C15u + index * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  char text[32];
  std::snprintf(text, sizeof text, "c%016llx", static_cast<unsigned long long>(z));
  return text;
}

}  // namespace kubus::bench
