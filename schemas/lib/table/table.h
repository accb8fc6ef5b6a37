// Printer columns: one row of cells per object, as Kubernetes' server prints them. Used by the
// gateway (meta.v1 Table) and by the command line. Column definitions are KindInfo::columns.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <string>

#include "schemas/lib/object.h"

namespace kubus::table {

// The cells of `object`, one per KindInfo::columns, in that order: strings and integers. Ages are
// text, counted to `now_unix_seconds`.
boost::json::array cells(const Object& object, int64_t now_unix_seconds);

// "5s", "12m", "3h20m", "2d4h", "3y": as kubectl shows durations.
std::string human_duration(int64_t seconds);

}  // namespace kubus::table
