#include "cli/past/offline.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/cluster/files.h"
#include "cli/cluster/preflight.h"
#include "cli/supervisor/supervisor.h"

namespace kubus::cli {

Status refuse_if_up(const Layout& layout) {
  pid_t pid = exists(layout.lock()) ? lock_owner(layout.lock()) : 0;
  if (pid == 0) return {};
  return Error(Code::kConflict, "the cluster in " + layout.dir + " runs, supervised by process " +
                                    std::to_string(pid) + "; `kubus down` first");
}

Status become_store(const Layout& layout, const std::vector<std::string>& options) {
  std::vector<std::string> words{find_program("kubus-store"), "--state", layout.store()};
  std::string keys = layout.pki("secrets.keys");
  if (exists(keys)) words.insert(words.end(), {"--secrets-keys", keys});
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  ::execv(argv[0], argv.data());
  return Error(Code::kInternal, "kubus-store: " + std::string(std::strerror(errno)));
}

}  // namespace kubus::cli
