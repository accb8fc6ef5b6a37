// Completion for shells: verbs, their options, kinds, and names of what is there.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace kubus::cli {

// A script for bash (and zsh with bashcompinit): `source <(kubus completion)`.
std::string completion_script(const std::vector<const Command*>& commands);

}  // namespace kubus::cli
