// A store with a past in which every table has rows, for tests of what is saved, restored and
// checked.
#pragma once

#include <string>

#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {

class BusyWorld {
 public:
  // Names that die and come back, long histories, Secrets, Pods on a node that refer to objects,
  // Events, causes, refusals.
  void write_history(int rounds);
  void write_round(int i);
  // Many versions of one ConfigMap, from a number on.
  void write_versions(int first, int count);
  // All of it reaches the tables.
  void flush();

  StoreWorld store{5};
};

}  // namespace kubus::store::testing
