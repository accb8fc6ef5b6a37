// The outstanding requests of a client: sends, repeats, times out and matches answers. Loop thread
// only. One timer for all requests.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::kit {

class Calls {
 public:
  using Done = Client::Done<Answer>;

  Calls(bus::Ports ports, const ClientOptions& options, const bus::Subjects& subjects);
  Calls(const Calls&) = delete;

  void call(wire::RequestT request, Done done);
  // `done` gets the error in a later turn of the loop.
  void fail_soon(Error error, Done done);
  const ClientStats& stats() const { return stats_; }

 private:
  struct Pending {
    uint64_t serial = 0;
    size_t operations = 0;
    bus::Instant deadline, due;
    bus::Subject subject;
    Buffer bytes;
    int attempts = 0;
    bool told_time = false;
    Done done;
  };
  struct Due {
    bus::Instant at;
    uint64_t serial = 0;
    std::string id;
    friend bool operator<(const Due& a, const Due& b) {
      return b.at != a.at ? b.at < a.at : b.serial < a.serial;
    }
  };
  using Map = std::unordered_map<std::string, Pending>;

  void on_message(const bus::Message& message);
  void on_reply(const wire::Reply& reply, const Payload& payload);
  bool correct_deadline(Pending& pending, int64_t store_ms);
  int64_t wall_ms() const { return ports_.clock.wall_ns() / 1'000'000 + skew_ms_; }
  void on_state(bus::BusState state);
  void on_timeout();
  void send(Pending& pending);
  void finish(Map::iterator at, Result<Answer> result);
  void schedule(const std::string& id, Pending& pending, bus::Instant at);
  bus::Instant in_about(bus::Duration delay);
  void arm();

  bus::Ports ports_;
  const ClientOptions& options_;
  const bus::Subjects& subjects_;
  bus::Subject reply_to_;
  flatbuffers::FlatBufferBuilder builder_{4096};
  Map pending_;
  std::priority_queue<Due> due_;
  bus::Instant armed_;
  std::unique_ptr<bus::Timer> timer_;
  std::vector<std::pair<Error, Done>> failed_;
  std::unique_ptr<bus::Timer> failed_timer_;
  uint64_t next_serial_ = 1;
  int64_t skew_ms_ = 0;  // how far the store's clock is ahead of ours, once it complained
  ClientStats stats_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<bus::Subscription> replies_, states_;
};

}  // namespace kubus::kit
