// The past as text, paced by when it happened.
#pragma once

#include <string>

#include "bus/replay/player.h"
#include "cli/reads.h"
#include "cli/session.h"

namespace kubus::cli {

// The range that --from and --to mean; both ends are played. kExpired, kBadRequest: it cannot be.
struct Range {
  Revision from, to;  // from: the first, less one
};
Result<Range> range_of(Session& session, const std::string& from, const std::string& to);

struct PlaybackOptions {
  bus::LaneId lane;
  Range range;
  replay::Speed speed;
  std::string output;  // "line", "json", "none"
  std::string name;    // of its control subject
};

// Prints every event of the lane; returns at the end of the range, on `q` or when interrupted.
Status play_text(Session& session, const PlaybackOptions& options);

// Tells the replay of that name what to do; its answer, one JSON object.
Result<std::string> steer(Session& session, const std::string& name, const std::string& words);

}  // namespace kubus::cli
