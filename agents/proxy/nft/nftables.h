// The dataplane on nftables, through libnftables. The only user of it.
#pragma once

#include <memory>
#include <string>

#include "agents/proxy/dataplane.h"
#include "bus/ports/ports.h"

namespace kubus::proxy {

class Nftables : public Dataplane {
 public:
  explicit Nftables(bus::Workers& workers);
  ~Nftables() override;
  void apply(std::string commands, std::function<void(Status)> done) override;

  // The same at once, on the calling thread: kInvalid with what nftables complains about.
  static Status run(const std::string& commands);
  // Whether the kernel has that table.
  static bool present(const std::string& table);

 private:
  bus::Workers& workers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::proxy
