#include "bus/replay/lane_source.h"

#include <algorithm>

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"

namespace kubus::replay {
namespace {

Result<Source::Page> page_of(const kit::Answer& answer, Revision after, Revision to) {
  const wire::Outcome& outcome = answer.outcome();
  Source::Page page;
  page.complete_to = after;
  for (size_t i = 0; outcome.events() && i < outcome.events()->size(); ++i) {
    const auto* bytes = outcome.events()->Get(static_cast<unsigned>(i))->bytes();
    auto event = bytes ? kit::EventView::from(answer.payload().part({bytes->data(), bytes->size()}))
                       : std::nullopt;
    if (!event) return Error(Code::kInternal, "the store sent a malformed event");
    page.complete_to = event->revision();
    if (event->revision() <= to) page.events.push_back(*std::move(event));
  }
  // The lane may be at rest long before `to`.
  if (page.complete_to.value() >= outcome.head()) page.complete_to = std::max(page.complete_to, to);
  return page;
}

}  // namespace

void LaneSource::read(Revision after, Revision to, std::function<void(Result<Page>)> done) {
  std::weak_ptr<bool> alive = alive_;
  client_.call(kit::events_after_request(lane_, after),
               [alive, after, to, done = std::move(done)](Result<kit::Answer> answer) {
                 if (alive.expired()) return;
                 Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
                 done(s ? page_of(*answer, after, to) : Result<Page>(s.error()));
               });
}

// A read of the past says at which revision it was true.
void LaneSource::revision_at(int64_t time_ns, std::function<void(Result<Revision>)> done) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::List;
  op->resource = "namespaces";
  op->limit = 1;
  op->at_time = time_ns;
  request.operations.push_back(std::move(op));
  std::weak_ptr<bool> alive = alive_;
  client_.call(std::move(request), [alive, done = std::move(done)](Result<kit::Answer> answer) {
    if (alive.expired()) return;
    Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
    done(s ? Result<Revision>(Revision(answer->outcome().revision())) : s.error());
  });
}

}  // namespace kubus::replay
