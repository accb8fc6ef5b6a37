// Points of the past: from what was typed to a revision.
#pragma once

#include <string>

#include "cli/reads.h"
#include "cli/session.h"

namespace kubus::cli {

// What can be read: from the lowest revision (0: everything is kept) to that of the last change of
// all. The lane is the one that is asked about and so the one that the caller must have a right to;
// the answer is the same in all of them.
struct Kept {
  Revision oldest, newest;
};
Result<Kept> kept_by(Session& session, const bus::LaneId& lane = {});
Result<Revision> newest(Session& session, const bus::LaneId& lane = {});

// The last revision at or before that point; of a time, the last one in the lane. kBadRequest: it
// lies ahead, or before the cluster began; kExpired: that time is not kept any more.
Result<Revision> revision_of(Session& session, const At& at, const bus::LaneId& lane = {});

// When that revision was written, unix ns; 0: it is not kept.
Result<int64_t> time_of(Session& session, Revision revision);

// --at of a verb that reads: the one revision that all of it is read at, and its time. Without
// --at: no revision, and the time now.
struct ReadAt {
  At at;
  int64_t time_ns = 0;
};
Result<ReadAt> read_at(Session& session, const Invocation& call);

// --since or --from: what comes behind this revision is meant. A revision itself is left out, of a
// time what came after it. Besides what --at takes, "10m" means the last ten minutes.
Result<Revision> behind(Session& session, const std::string& option, const std::string& text,
                        const bus::LaneId& lane = {});
// --until or --to: the last revision that is meant. "" : the newest.
Result<Revision> up_to(Session& session, const std::string& option, const std::string& text,
                       const bus::LaneId& lane = {});

}  // namespace kubus::cli
