// Joins two streams into one: what comes from either goes to the other, no faster than the other
// takes it, and the end of either ends both.
#pragma once

#include <functional>
#include <memory>

#include "bus/stream/stream.h"

namespace kubus::stream {

class Bridge {
 public:
  // `over` is called once, when it has ended; it may destroy the Bridge.
  Bridge(std::unique_ptr<Stream> a, std::unique_ptr<Stream> b,
         std::function<void(const End&)> over);
  ~Bridge();
  Bridge(const Bridge&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kubus::stream
