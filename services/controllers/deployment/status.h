// The status of a Deployment, from its sets. Pure; times are unix seconds.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "services/controllers/deployment/rollout.h"

namespace kubus::controllers::deployment {

// What happened in this pass that conditions tell of.
enum class News : uint8_t { kNone, kCreated, kFound, kPaused, kResumed };

struct StatusInput {
  const Object& deployment;
  const boost::json::object& value;
  const Limits& limits;
  const Set* fresh;
  const std::vector<Set>& old;
  News news = News::kNone;
  std::string fresh_name;
  int64_t collisions = 0;
};

struct StatusOutput {
  std::string patch;  // "" : the status is true already
  std::optional<int64_t> look_in;
};

StatusOutput status_of(const StatusInput& in, int64_t now);
// As `kubectl rollout status` means it: every Pod is of the new set and available.
bool complete(const StatusInput& in);

}  // namespace kubus::controllers::deployment
