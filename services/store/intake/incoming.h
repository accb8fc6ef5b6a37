// A request as it was taken in.
#pragma once

#include <string>

#include "schemas/lib/base/bytes.h"

namespace kubus::wire {
struct Request;
}

namespace kubus::store {

struct Incoming {
  Payload payload;                         // aligned to 8
  const wire::Request* request = nullptr;  // inside `payload`, verified
  std::string actor;                       // as the bus vouches for it
  std::string reply_to;                    // "" : nobody waits for the answer

  std::string id() const;
};

}  // namespace kubus::store
