// One run of a request whose writes somebody outside is asked about. The first run notes what it
// would write and leaves nothing behind; the second does it, provided that each object is still at
// the revision that was seen, with what was answered.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "services/store/admission/subscribers.h"
#include "services/store/state/batch.h"

namespace kubus::store {

// One object as a request would leave it.
struct Candidate {
  std::pair<size_t, size_t> place;  // which operation, and which of its changes
  std::string operation;            // "CREATE", …
  const schema::KindInfo* kind = nullptr;
  std::string ns, name, subresource;
  Revision before;     // the object's revision; 0: a create
  Buffer object, old;  // confidential kinds: metadata alone
  bool patchable = false;
  std::vector<Subscriber> asked;
};

// What was answered for one of them.
struct Verdict {
  const schema::KindInfo* kind = nullptr;
  std::string ns;
  Revision before;
  std::optional<Error> denial;
  std::vector<std::pair<std::string, std::string>> patches;  // subscriber, JSON patch; in order
  std::vector<std::string> warnings;
};
struct Verdicts {
  std::map<std::pair<size_t, size_t>, Verdict> of;
  int rounds = 0;  // how often was asked
};

class AdmissionPass {
 public:
  // `verdicts` null: the first run.
  AdmissionPass(const Subscribers& subscribers, const Verdicts* verdicts)
      : subscribers_(subscribers), verdicts_(verdicts) {}

  void begin_operation(size_t index) { place_ = {index, 0}; }
  bool probes() const { return verdicts_ == nullptr; }
  // What the second run found is not what was asked about.
  bool moved() const { return moved_; }
  std::vector<Candidate>& candidates() { return candidates_; }

  // Whether somebody is asked about such a change.
  bool concerns(const Candidate& candidate) const;
  // The patches for the change that comes next; null: none.
  const Verdict* next() const;
  // A change as it is about to be made: `candidate` without place and asked. An error: it is
  // refused.
  Status on_change(Candidate candidate, std::vector<std::string>* warnings);

 private:
  const Subscribers& subscribers_;
  const Verdicts* verdicts_;
  std::pair<size_t, size_t> place_;
  std::vector<Candidate> candidates_;
  bool moved_ = false;
};

}  // namespace kubus::store
