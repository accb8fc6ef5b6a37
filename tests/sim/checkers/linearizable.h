// Whether what clients asked of objects and were told fits some order of one operation after
// another, each taking effect between its begin and its end: linearizability, for objects that are
// compare-and-set registers with a revision that rises with every write. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kubus::sim {

struct Operation {
  enum class Kind : uint8_t { kRead, kWrite, kCompareAndSet, kCreate, kDelete };
  enum class Outcome : uint8_t {
    kUnknown,   // no answer, or none that tells: may take effect at any time after begin, or never
    kDone,      // read: `value` at `revision`; write: took effect and gave `revision`
    kAbsent,    // there was no such object
    kExists,    // a create found one
    kConflict,  // the object's revision was not the expected one
  };

  int client = 0;
  std::string object;
  Kind kind = Kind::kRead;
  std::string value;           // written, or read. Writers must not write a value twice.
  uint64_t expected = 0;       // of a compare-and-set; of a delete too, 0: whatever is there
  uint64_t revision = 0;       // as answered; 0: not told
  int64_t begin = 0, end = 0;  // any one clock; `end` counts only if the outcome is known
  Outcome outcome = Outcome::kUnknown;

  std::string str() const;  // "client 3 reads register-1: "3.17" at 812, from 100 to 140"
};

struct Verdict {
  enum class Kind : uint8_t {
    kLinearizable,
    kNot,
    kUndecided,  // too many orders to try; `part` is how far it came
  };
  Kind kind = Kind::kLinearizable;
  std::string object;
  // Operations of one object that fit no order, whatever was before them; the last of them is the
  // one whose answer cannot be explained. No read can be left out.
  std::vector<Operation> part;

  bool ok() const { return kind == Kind::kLinearizable; }
  std::string str() const;  // for people, a line for each operation
};

// Every object is absent at first. Operations in any order; each object is judged on its own, and
// the first that does not fit is told.
Verdict check_linearizable(std::span<const Operation> operations);

}  // namespace kubus::sim
