// What a bridge's tests put in place of its edges: a webhook that fails as it is told, and
// positions in memory. Both outlive the bridge, as a server and a disk do.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/ports/ports.h"
#include "services/bridge/http/http_client.h"
#include "services/bridge/positions.h"

namespace kubus::bridge::testing {

// Takes CloudEvents, alone or in batches.
struct Target {
  bool down = false;
  unsigned fail = 0;  // in 1/1000: answers 503
  unsigned lose = 0;  // in 1/1000: takes it, and the answer is lost
  bool hang = false;  // takes the connection, and neither answers nor hangs up
  bus::Duration latency = std::chrono::milliseconds(5);
  std::optional<HttpAnswer> answer;       // to everything, without taking it
  size_t refuse_batches_over = SIZE_MAX;  // 413
  std::string refuse_name;                // 400 to whatever holds the object of that name

  size_t requests = 0;
  std::vector<HttpPost> posts;              // those that were taken
  std::vector<boost::json::object> events;  // in order of arrival
  std::vector<uint64_t> revisions() const {
    std::vector<uint64_t> out;
    for (const auto& e : events)
      out.push_back(std::stoull(std::string(e.at("sequence").as_string())));
    return out;
  }
};

class FakeClient : public HttpClient {
 public:
  FakeClient(bus::Ports ports, Target& target) : ports_(ports), target_(target) {}

  void post(HttpPost request, Done done) override {
    request_ = std::move(request);
    done_ = std::move(done);
    timer_ = ports_.clock.after(target_.latency, [this] { on_arrival(); });
  }

 private:
  bool strikes(unsigned permille) { return ports_.random.below(1000) < permille; }

  void on_arrival() {
    ++target_.requests;
    auto done = std::exchange(done_, nullptr);
    if (target_.hang) return run_out(std::move(done));
    if (target_.down) return done(Error(Code::kUnavailable, "connecting: Connection refused"));
    if (target_.answer) return done(*target_.answer);
    if (strikes(target_.fail)) return done(HttpAnswer{503, {}, "busy"});
    auto body = boost::json::parse(request_.body);
    boost::json::array events;
    if (body.is_array()) {
      events = body.as_array();
    } else {
      events.push_back(body);
    }
    if (events.size() > target_.refuse_batches_over) return done(HttpAnswer{413, {}, "too many"});
    for (const auto& e : events) {
      const auto* name = e.at("data").as_object().if_contains("name");
      if (name && !target_.refuse_name.empty() && name->as_string() == target_.refuse_name)
        return done(HttpAnswer{400, {}, "no such thing"});
    }
    target_.posts.push_back(request_);
    for (auto& e : events) target_.events.push_back(e.as_object());
    if (strikes(target_.lose)) return done(Error(Code::kTimeout, "no answer"));
    done(HttpAnswer{204, {}, ""});
  }

  void run_out(Done done) {
    bus::Duration left = std::max(request_.timeout - target_.latency, bus::Duration(0));
    timer_ = ports_.clock.after(left, [done = std::move(done)] {
      done(Error(Code::kTimeout, "no answer within the route's timeout"));
    });
  }

  bus::Ports ports_;
  Target& target_;
  HttpPost request_;
  Done done_;
  std::unique_ptr<bus::Timer> timer_;
};

// A disk: what was being written when its user died is not there.
struct Disk {
  std::map<std::string, Revision> positions;
  bool full = false;
};

class MemoryPositions : public Positions {
 public:
  MemoryPositions(bus::Workers& workers, Disk& disk) : workers_(workers), disk_(disk) {}

  Result<std::optional<Revision>> read(const std::string& route) override {
    auto at = disk_.positions.find(route);
    return at == disk_.positions.end() ? std::nullopt : std::optional(at->second);
  }
  void keep(const std::string& route, Revision position,
            std::function<void(Status)> done) override {
    auto alive = std::weak_ptr<bool>(alive_);
    workers_.run(
        "positions",
        [this, alive, route, position] {
          if (!alive.expired() && !disk_.full) disk_.positions[route] = position;
        },
        [this, alive, done = std::move(done)] {
          if (!alive.expired())
            done(disk_.full ? Status(Error(Code::kUnavailable, "the disk is full")) : Status());
        });
  }

 private:
  bus::Workers& workers_;
  Disk& disk_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::bridge::testing
