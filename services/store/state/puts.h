// Puts that own their bytes, for writing many at once. Any one thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "services/store/engine/engine.h"

namespace kubus::store {

class Puts {
 public:
  void add(Keyspace space, std::string_view key, ByteView value);
  size_t bytes() const { return bytes_; }
  // By space and key; of several of a key the last comes last.
  std::span<const Put> sorted();
  void clear();

 private:
  uint8_t* take(size_t size);

  std::vector<Put> puts_;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  size_t used_ = 0, room_ = 0;  // of the last chunk
  size_t bytes_ = 0;
};

}  // namespace kubus::store
