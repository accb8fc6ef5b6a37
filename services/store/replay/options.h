// kubus-replay's command line.
#pragma once

#include <string>

#include "bus/host/host.h"
#include "services/store/replay/replayer.h"

namespace kubus::store {

// A point of the past: a revision, or a time in unix nanoseconds. Neither: not given.
struct Point {
  uint64_t revision = 0;
  int64_t time_ns = 0;
};

struct ReplayProgramOptions {
  bus::Credentials credentials;
  std::string file;  // the archive
  std::string work;  // a directory of its own for what is restored
  Point from, to;    // the first to be played, and the last
  replay::Speed speed;
  std::string name;
  bool paused = false;
  bool standing = false;    // at `to`, for reads alone
  bool end_at_end = false;  // the program ends a little after the last event
  std::string sweep;        // remove this directory once standard input ends, nothing else
};

// kBadRequest says which option is missing or malformed.
Result<ReplayProgramOptions> read_replay_options(int argc, char** argv);

// What they mean in that state. kExpired, kBadRequest: not there.
Result<ReplayerOptions> replayer_options(const ReplayProgramOptions& options, const State& state);

}  // namespace kubus::store
