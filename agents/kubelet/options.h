// The kubelet's command line.
#pragma once

#include <string>

#include "agents/kubelet/kubelet.h"

namespace kubus::kubelet {

struct Options {
  std::string help;  // not empty: print it and end
  std::string credentials, endpoint;
  int hollow = 0;  // not 0: so many nodes with faked runtimes, instead of this machine's one
  KubeletOptions kubelet;  // client is left empty
};

// kBadRequest says what is wrong with it.
Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace kubus::kubelet
