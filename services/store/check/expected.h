// Rows that a table should have, compared with those that it has.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "schemas/lib/base/result.h"
#include "services/store/engine/engine.h"

namespace kubus::store {

// A key as text: its letters, and other bytes in hexadecimal.
std::string shown_key(std::string_view key);
// kInvalid: "table NAME: …".
Error differs(const char* table, const std::string& what);

// One keyspace. Rows come in any order; the table is walked once.
class Expected {
 public:
  Expected(Keyspace space, const char* name) : space_(space), name_(name) {}

  void add(std::string key, std::string value = {}) {
    rows_.emplace_back(std::move(key), std::move(value));
  }
  // kInvalid: the first row that is missing, too much, or another.
  Status compare(const Snapshot& tables);

 private:
  Keyspace space_;
  const char* name_;
  std::vector<std::pair<std::string, std::string>> rows_;
};

}  // namespace kubus::store
