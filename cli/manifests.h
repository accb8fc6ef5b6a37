// Manifests from files, folders and standard input.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::cli {

struct Manifest {
  std::string source;  // "web.yaml:12"
  ObjectKey key;
  boost::json::value value;  // with apiVersion and kind
};

// Reads every document of every path ("-": standard input; a folder: its *.yaml, *.yml and *.json
// in name order). Lists (kind List) are taken apart. The first problem stops: nothing is half read.
// Errors name file, line and field.
Result<std::vector<Manifest>> read_manifests(const std::vector<std::string>& paths,
                                             const std::string& default_ns);

}  // namespace kubus::cli
