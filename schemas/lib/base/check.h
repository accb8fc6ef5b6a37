// KUBUS_CHECK: a broken invariant ends the process, in release too. Bad input is an Error, never a
// check.
#pragma once

#include <cstdio>
#include <cstdlib>

#define KUBUS_CHECK(condition)                                                               \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: invariant broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
