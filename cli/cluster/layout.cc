#include "cli/cluster/layout.h"

#include <cstdlib>
#include <filesystem>

namespace kubus::cli {

Layout layout_of(const std::string& state) {
  std::string dir = state;
  if (const char* set = std::getenv("KUBUS_STATE"); dir.empty() && set) dir = set;
  if (dir.empty()) {
    const char* home = std::getenv("HOME");
    dir = std::string(home ? home : "/root") + "/.kubus/default";
  }
  std::string absolute = std::filesystem::absolute(dir).lexically_normal().string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return {absolute};
}

}  // namespace kubus::cli
