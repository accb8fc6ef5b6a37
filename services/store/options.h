// The store's command line.
#pragma once

#include "bus/host/host.h"
#include "services/store/store.h"

namespace kubus::store {

struct ProgramOptions {
  bus::Credentials credentials;
  std::string state_directory;
  uint64_t map_bytes = 0;
  std::string log_level;
  StoreOptions store;
};

// kBadRequest says which option is missing or malformed.
Result<ProgramOptions> read_options(int argc, char** argv);

}  // namespace kubus::store
