// A bus on which those who listen to the same subjects share one subscription: the server sends
// each message once, however many of this process want it. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "bus/ports/bus.h"

namespace kubus::kubelet {

class SharedBus final : public bus::Bus {
 public:
  explicit SharedBus(bus::Bus& bus) : bus_(bus) {}
  SharedBus(const SharedBus&) = delete;

  bool publish(const bus::Subject& subject, ByteView payload,
               const bus::Subject* reply = nullptr) override {
    return bus_.publish(subject, payload, reply);
  }
  [[nodiscard]] std::unique_ptr<bus::Subscription> subscribe(const bus::Pattern& pattern,
                                                             Handler handler) override;
  [[nodiscard]] std::unique_ptr<bus::Subscription> watch_state(StateHandler handler) override {
    return bus_.watch_state(std::move(handler));
  }
  bool connected() const override { return bus_.connected(); }
  size_t max_payload() const override { return bus_.max_payload(); }

 private:
  struct Shared {
    std::map<uint64_t, std::shared_ptr<Handler>> handlers;
    std::unique_ptr<bus::Subscription> subscription;
  };
  void deliver(const std::string& pattern, const bus::Message& message);

  bus::Bus& bus_;
  std::shared_ptr<std::map<std::string, Shared>> all_ =
      std::make_shared<std::map<std::string, Shared>>();  // by pattern
  uint64_t next_ = 1;
};

}  // namespace kubus::kubelet
