#include "tests/bench/scale/usage.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

namespace kubus::bench {
namespace {

double cpu_seconds(int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(in), {});
  size_t end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream words(text.substr(end + 1));
  constexpr int kUser = 12;  // words after the name, counted from 1
  std::string word;
  double ticks = 0;
  for (int i = 1; i <= kUser + 1 && words >> word; ++i) {
    if (i >= kUser) ticks += std::stod(word);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double pss_mb(int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/smaps");
  double kb = 0;
  bool counts = true;
  for (std::string line; std::getline(in, line);) {
    bool mapping = line.find(':') == std::string::npos || line.find('-') < line.find(' ');
    if (mapping) counts = !line.ends_with("data.mdb");
    if (counts && line.starts_with("Pss:")) kb += std::stod(line.substr(4));
  }
  return kb / 1024;
}

}  // namespace

std::map<std::string, Usage> usage_of(const std::string& state, bool memory) {
  std::ifstream in(state + "/run/status.json");
  std::string text(std::istreambuf_iterator<char>(in), {});
  boost::json::value status = boost::json::parse(text);
  std::map<std::string, Usage> out;
  auto add = [&](const std::string& name, int64_t pid) {
    out[name] = {cpu_seconds(pid), memory ? pss_mb(pid) : 0};
  };
  add("supervisor", status.at("pid").as_int64());
  for (const auto& c : status.at("components").as_array())
    add(std::string(c.at("name").as_string()), c.at("pid").as_int64());
  return out;
}

}  // namespace kubus::bench
