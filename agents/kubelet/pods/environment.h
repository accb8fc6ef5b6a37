// The environment of a container, and the texts that refer to it. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/kubelet/pods/references.h"
#include "agents/kubelet/pods/sources.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

using Environment = std::vector<std::pair<std::string, std::string>>;

// What env and envFrom refer to.
void environment_references(const core::v1::Container& container, std::set<RefKey>* out);

// `links` (of Services) first, then envFrom, in order, then env; a later one of the same name takes
// an earlier one's place. Errors say which variable and what is missing.
Result<Environment> environment_of(const Object& pod, const core::v1::Container& container,
                                   const PodFacts& facts, const Lookup& lookup,
                                   const Environment& links = {});

// $(NAME) becomes its value if there is one and stays otherwise; $$ is one $.
std::string expand(std::string_view text, const std::map<std::string, std::string>& variables);
std::vector<std::string> expand_all(const std::vector<std::string>& texts,
                                    const Environment& environment);

}  // namespace kubus::kubelet
