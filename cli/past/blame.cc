#include "cli/past/blame.h"

namespace kubus::cli {

std::map<std::string, Blame> blame(const std::vector<Leaves>& versions) {
  std::map<std::string, Blame> out;
  for (size_t i = 0; i < versions.size(); ++i) {
    std::map<std::string, Blame> next;
    for (const auto& [path, value] : versions[i]) {
      auto before = out.find(path);
      bool kept = before != out.end() && before->second.value == value;
      next.emplace(path, Blame{value, kept ? before->second.version : i});
    }
    out = std::move(next);
  }
  return out;
}

}  // namespace kubus::cli
