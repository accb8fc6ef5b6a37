#include "schemas/bus/event_generated.h"
#include "tests/sim/checkers/checkers.h"

namespace kubus::sim {

void Acknowledged::check_end(const Chronicle& chronicle, Story& story) const {
  const auto& events = chronicle.events();
  for (const Write& w : writes_) {
    uint64_t index = w.revision.value() - 1;
    if (index >= events.size()) {
      story.wrong("acknowledged", w.who + " was told of revision " +
                                      std::to_string(w.revision.value()) + " of " + w.key.str() +
                                      ", which never came");
      continue;
    }
    const wire::Event& e = events[index].event();
    if (name_of(e) != w.key.str())
      story.wrong("acknowledged", w.who + " was told of revision " +
                                      std::to_string(w.revision.value()) + " of " + w.key.str() +
                                      ", but that is of " + name_of(e));
  }
}

}  // namespace kubus::sim
