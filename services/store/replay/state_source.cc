#include "services/store/replay/state_source.h"

namespace kubus::store {

void StateSource::read(Revision after, Revision to, std::function<void(Result<Page>)> done) {
  auto events = state_.whole().events_after(Lane(), after);
  if (!events) return done(events.error());
  Page page;
  page.complete_to = std::min(events->complete_to, to);
  for (Payload& payload : events->events) {
    auto event = kit::EventView::from(std::move(payload));
    if (!event) return done(Error(Code::kInternal, "the state holds a malformed event"));
    if (event->revision() <= to) page.events.push_back(*std::move(event));
  }
  done(std::move(page));
}

void StateSource::revision_at(int64_t time_ns, std::function<void(Result<Revision>)> done) {
  done(state_.whole().revision_at(time_ns));
}

}  // namespace kubus::store
