// One route: follows a lane, keeps what the filter lets through in a bounded queue, and brings it
// to its sink in order, each event at least once. Loop thread only.
//
// A target that takes nothing costs a full queue and nothing else: the route then stops following,
// and asks the history for the rest when there is room again. What the history no longer has is
// told to the target in its place.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "bus/kit/event_filter.h"
#include "bus/kit/feed.h"
#include "services/bridge/positions.h"
#include "services/bridge/sinks/sink.h"

namespace kubus::bridge {

struct RouteOptions {
  enum class From : uint8_t { kNow, kBeginning, kRevision };

  std::string name;
  kit::EventFilter filter;
  std::string source;      // of the CloudEvents
  From from = From::kNow;  // where to begin, if no position is kept
  Revision revision;       // kRevision: after this one
  size_t most_waiting = 4096;
  size_t most_waiting_bytes = 16 << 20;
  bus::Duration slowest_retry = std::chrono::seconds(30);
};

struct RouteStats {
  uint64_t delivered = 0, passed_over = 0, failures = 0, losses = 0, pauses = 0;
};

class Route {
 public:
  Route(bus::Ports ports, kit::Client& client, Positions& positions, RouteOptions options,
        std::unique_ptr<Sink> sink);
  Route(const Route&) = delete;

  // Errors: a position that cannot be read.
  Status start();
  // Everything up to here is delivered or not wanted.
  Revision position() const;
  size_t waiting() const { return queue_.size(); }
  size_t waiting_bytes() const { return queue_bytes_; }
  // Why the target takes nothing; "" : it does.
  const std::string& trouble() const { return trouble_; }
  const RouteStats& stats() const { return stats_; }
  const RouteOptions& options() const { return options_; }
  const Sink& sink() const { return *sink_; }

 private:
  struct Present {
    Revision revision, oldest;
  };
  void on_event(const kit::EventView& event);
  void on_expired();
  void on_current(Revision revision);
  void on_delivered(size_t offered, const Delivery& delivery);
  void on_kept(Revision position, const Status& status);
  void on_present(const Present& present);
  void ask_present();
  void follow();
  void lose(Revision until, const std::string& reason);
  void push(std::shared_ptr<const Item> item);
  bool full() const;
  void pump();
  void fail(const Delivery& delivery);
  void keep();
  void keep_later();

  bus::Ports ports_;
  kit::Client& client_;
  Positions& positions_;
  RouteOptions options_;
  bus::LaneId lane_;
  Revision seen_;       // everything up to here came from the feed
  Revision delivered_;  // the last that the target took
  Revision kept_;       // on disk
  bool fresh_ = false;  // began without a position: what is not there any more is not missed
  std::deque<std::shared_ptr<const Item>> queue_;
  size_t queue_bytes_ = 0;
  bool busy_ = false, paused_ = false;
  bool keeping_ = false, keep_wanted_ = false, keep_failed_ = false;
  int attempts_ = 0;
  std::string trouble_;
  bus::Instant trouble_since_;
  RouteStats stats_;
  std::unique_ptr<bus::Timer> retry_, ask_again_, keep_timer_, resume_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<kit::Feed> feed_;  // null: paused, not begun, or asking where to go on
};

}  // namespace kubus::bridge
