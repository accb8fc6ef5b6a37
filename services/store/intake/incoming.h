// A request as it was taken in.
#pragma once

#include <memory>
#include <string>

#include "schemas/lib/base/bytes.h"

namespace kubus::wire {
struct Request;
}

namespace kubus::store {

struct Verdicts;

struct Incoming {
  Payload payload;                                     // aligned to 8
  const wire::Request* request = nullptr;              // inside `payload`, verified
  std::string actor;                                   // as the bus vouches for it
  std::string reply_to;                                // "" : nobody waits for the answer
  std::shared_ptr<const Verdicts> verdicts = nullptr;  // admission was asked, and said this

  std::string id() const;
};

}  // namespace kubus::store
