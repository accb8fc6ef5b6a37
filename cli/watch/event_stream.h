// The events of a lane, one after another: the past in pages, as fast as they are taken, then what
// happens, without a gap, whatever is restarted meanwhile. What is held of what was not taken yet
// is bounded.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "bus/kit/feed.h"
#include "bus/replay/lane_source.h"
#include "cli/session.h"

namespace kubus::cli {

class EventStream {
 public:
  // What came behind `after` and up to `to`, and then, if `follow`, what comes.
  EventStream(Session& session, bus::LaneId lane, Revision after, Revision to, bool follow);

  // Runs the loop until there is one. nullopt: at the end, or interrupted. kExpired: what comes
  // next is not kept any more. While following it waits for a cluster that does not answer.
  Result<std::optional<kit::EventView>> next();
  // Everything up to here was taken, or did not happen in this lane.
  Revision position() const { return position_; }

 private:
  Status read_page();
  void follow_on();
  std::optional<kit::EventView> take();

  Session& session_;
  bus::LaneId lane_;
  Revision position_, to_, dropped_;
  bool follow_, interrupted_ = false, behind_ = false, expired_ = false;
  replay::LaneSource source_;
  std::deque<kit::EventView> waiting_;
  std::unique_ptr<kit::Feed> feed_;
};

}  // namespace kubus::cli
