// The volumes of a Pod as directories of this machine, and how its containers see them. Touches
// files; blocks shortly. A projected volume has no service account token yet.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/pods/sources.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

// The ConfigMaps and Secrets that its volumes show.
void volume_references(const Object& pod, std::set<RefKey>* out);

// Makes the Pod's volumes below `dir`, or brings what is there up to date; files are replaced
// whole. Gives the path of each volume by its name. kInvalid: a kind of volume that is not
// supported, or a hostPath that is not of its type; kNotFound: a source or key that is missing.
Result<std::map<std::string, std::string>> prepare_volumes(const Object& pod,
                                                           const std::string& dir,
                                                           const PodFacts& facts,
                                                           const Lookup& lookup);

// The mounts of one container. A subPath that leads out of its volume is kInvalid; one that is not
// there becomes a directory.
Result<std::vector<Mount>> mounts_of(const core::v1::Container& container,
                                     const std::map<std::string, std::string>& paths);

// Removes `dir` and what is below it, symbolic links as such. What a hostPath names is not below.
void remove_volumes(const std::string& dir);

}  // namespace kubus::kubelet
