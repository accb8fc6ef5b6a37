// The engine in memory: persistent ordered trees, so a snapshot is a pointer. For the simulator and
// unit tests.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "services/store/engine/engine.h"

namespace kubus::store {

struct TreeNode;
using Tree = std::shared_ptr<const TreeNode>;

// The "disk" under a memory engine: survives the engine that writes it.
class MemoryTables {
 public:
  std::array<Tree, kKeyspaces> roots() const;
  void set_roots(std::array<Tree, kKeyspaces> roots);
  // Writes fail while this text is not empty.
  void set_failure(std::string failure);
  std::string failure() const;
  // A byte of that value changes, `at` bytes from its beginning. False: there is no such byte.
  bool rot(Keyspace space, std::string_view key, size_t at);

 private:
  mutable std::mutex mutex_;
  std::array<Tree, kKeyspaces> roots_;
  std::string failure_;
};

std::unique_ptr<Engine> open_memory(std::shared_ptr<MemoryTables> tables);

}  // namespace kubus::store
