// The live events of each kind, followed once and shared by all watchers of that kind: one feed,
// one ring of recent events, and for each event one encoding per format.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/feed.h"
#include "bus/ports/ports.h"
#include "services/gateway/api/format.h"

namespace kubus::gateway {

// One event with its object, and the frames already written of it.
class SharedEvent {
 public:
  SharedEvent(kit::EventView event, Object object)
      : event_(std::move(event)), object_(std::move(object)) {}
  const kit::EventView& event() const { return event_; }
  const Object& object() const { return object_; }
  // `{"type":…,"object":…}` and a newline, written at the first call for that type and format and
  // shared from then on.
  std::shared_ptr<const std::string> frame(std::string_view type, const Format& format,
                                           int64_t now_unix_seconds);

 private:
  kit::EventView event_;
  Object object_;
  std::map<std::pair<std::string, Format>, std::shared_ptr<const std::string>, std::less<>> frames_;
};

// One kind's part. Loop thread only.
class Channel {
 public:
  using Listener = std::function<void()>;

  Channel(bus::Ports ports, kit::Client& client, const schema::KindInfo& kind, Revision after);

  // Every event of the kind after this revision and up to position() is in the ring.
  Revision base() const { return base_; }
  Revision position() const { return position_; }
  // How often the ring began afresh because the past was not there any more.
  uint64_t restarts() const { return restarts_; }
  // The first event in the ring after `revision`; nullptr if there is none yet. Precondition:
  // revision >= base().
  std::shared_ptr<SharedEvent> next(Revision revision) const;

  // Told after the ring grew or its base moved. Ends with the returned token.
  std::shared_ptr<void> listen(Listener listener);

 private:
  void on_event(const kit::EventView& event);
  void on_expired();
  void fetch_next_confidential();
  void append(const kit::EventView& event, Object object);
  void tell();

  kit::Client& client_;
  const schema::KindInfo& kind_;
  Revision base_, position_;
  uint64_t restarts_ = 0;
  std::deque<std::shared_ptr<SharedEvent>> ring_;
  size_t ring_bytes_ = 0;
  std::deque<kit::EventView>
      waiting_;  // events of a confidential kind whose content is still being asked for
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::set<std::shared_ptr<Listener>> listeners_;
  std::unique_ptr<kit::Feed> feed_;
};

class Hub {
 public:
  Hub(bus::Ports ports, kit::Client& client) : ports_(ports), client_(client) {}
  // The kind's channel; begins to follow after `after` if nobody followed it yet.
  Channel& channel(const schema::KindInfo& kind, Revision after);
  // Who watches lives here until it is dropped (in a later turn: it may be in the midst of
  // something), at the latest as long as the hub.
  void keep(std::shared_ptr<void> watcher) { kept_.push_back(std::move(watcher)); }
  void drop(const void* watcher);

 private:
  bus::Ports ports_;
  kit::Client& client_;
  std::map<const schema::KindInfo*, std::unique_ptr<Channel>> channels_;
  std::vector<std::shared_ptr<void>> kept_, dropped_;
  std::unique_ptr<bus::Timer> drop_timer_;
};

}  // namespace kubus::gateway
