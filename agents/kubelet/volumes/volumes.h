// The volumes of a Pod as directories of this machine, and how its containers see them. Touches
// files and mounts; blocks shortly.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/pods/environment.h"
#include "agents/kubelet/pods/sources.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

// The ConfigMaps and Secrets that its volumes show.
void volume_references(const Object& pod, std::set<RefKey>* out);

// Makes the Pod's volumes below `dir`, or brings what is there up to date; files change all at
// once. Gives the path of each volume by its name. kInvalid: a kind of volume that is not
// supported, or a hostPath that is not of its type; kNotFound: a source or key that is missing;
// kUnavailable: a token that is neither here nor in the volume.
Result<std::map<std::string, std::string>> prepare_volumes(const Object& pod,
                                                           const std::string& dir,
                                                           const PodFacts& facts,
                                                           const Lookup& lookup,
                                                           const TokenLookup& tokens);

// The mounts of one container; volumes that show texts are read only. A subPath that leads out of
// its volume is kInvalid; one that is not there becomes a directory. `environment`: what
// subPathExpr may name.
Result<std::vector<Mount>> mounts_of(const Object& pod, const core::v1::Container& container,
                                     const std::map<std::string, std::string>& paths,
                                     const Environment& environment);

// Whether any volume shows texts that may change while the Pod runs.
bool follows_sources(const Object& pod);

// Unmounts and removes `dir` and what is below it, symbolic links as such. What a hostPath names is
// not below.
void remove_volumes(const std::string& dir);

}  // namespace kubus::kubelet
