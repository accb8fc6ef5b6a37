// The files of a volume that shows texts.
#pragma once

#include <map>
#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

struct VolumeFile {
  std::string content;
  int mode = 0644;
};
using VolumeFiles = std::map<std::string, VolumeFile>;  // by path, relative to the volume

// Relative, and with no part "..".
bool stays_inside(const std::string& path);
// Makes `dir` hold exactly these files. Each is replaced whole, and only if it differs.
Status write_files(const std::string& dir, const VolumeFiles& files);

}  // namespace kubus::kubelet
