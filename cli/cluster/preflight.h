// Looks at the machine before anything is started.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/config.h"

namespace kubus::cli {

struct Finding {
  std::string what;    // "containerd is not installed"
  std::string remedy;  // "apt-get install containerd"
};

// Everything that would keep this cluster from working; empty if nothing.
std::vector<Finding> check_machine(const ClusterConfig& config, const Layout& layout);

// A port on `address` that is free now: `preferred` if it is, else one that the kernel picks; 0 if
// there is none.
uint16_t free_port(const std::string& address, uint16_t preferred);
// The same on both addresses.
uint16_t free_port(const std::string& a, const std::string& b, uint16_t preferred);

// Whether somebody listens there now.
bool listens(const std::string& address, uint16_t port);

// The IPv4 address that this machine speaks to others from: the source of its default route; "" if
// it has none.
std::string primary_address();

// Where an executable is: beside this program first, then on PATH; "" if nowhere.
std::string find_program(const std::string& name);

}  // namespace kubus::cli
