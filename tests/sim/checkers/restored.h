// A cluster restored from a backup equals the one that was saved: its objects, its history down to
// the horizon and its lanes, at the revision of the backup.
#pragma once

#include "tests/sim/checkers/past.h"

namespace kubus::sim {

// Restores the archive file, whose last revision the past has come to, into a fresh engine, and
// looks.
void check_restored(const std::string& file, Cluster& cluster, Past& past, Story& story);

}  // namespace kubus::sim
