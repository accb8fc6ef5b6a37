// The files of a volume that shows texts. They change all at once: what a container sees are links
// into ..data, itself a link to the directory of the present version.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

struct VolumeFile {
  std::string content;
  int mode = 0644;
  int64_t owner = 0;  // a user id
};
using VolumeFiles = std::map<std::string, VolumeFile>;  // by path, relative to the volume

// Relative, and with no part "..".
bool stays_inside(const std::string& path);
// Makes `dir` hold exactly these files, of that group (nullopt: root's). Nothing is touched if it
// does already.
Status write_files(const std::string& dir, const VolumeFiles& files, std::optional<int64_t> group);

}  // namespace kubus::kubelet
