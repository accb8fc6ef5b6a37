// A program on the simulated bus that can die and come back. Each life has a host of its own, so
// that nothing which the last life had under way reaches the next.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bus/sim/world.h"

namespace kubus::sim {

class Process {
 public:
  // Makes the program's one object on these ports; null: it could not start (and says why itself).
  using Make = std::function<std::shared_ptr<void>(bus::Ports)>;

  Process(bus::sim::World& world, std::string name, Make make)
      : world_(world), name_(std::move(name)), make_(std::move(make)) {}
  ~Process() { kill(); }
  Process(const Process&) = delete;

  void start();
  // Dies without a last word: what it has not sent or written by now is gone.
  void kill();
  bool runs() const { return program_ != nullptr; }
  const std::string& name() const { return name_; }
  bus::sim::Host* host() { return host_; }  // null: it does not run
  size_t lives() const { return lives_; }
  // What `make` made; null: it does not run. The caller names the right type.
  template <class T>
  std::shared_ptr<T> program() const {
    return std::static_pointer_cast<T>(program_);
  }

 private:
  bus::sim::World& world_;
  std::string name_;
  Make make_;
  bus::sim::Host* host_ = nullptr;
  std::shared_ptr<void> program_;
  size_t lives_ = 0;
};

}  // namespace kubus::sim
