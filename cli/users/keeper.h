// Follows the cluster's Users and keeps on disk what the bus server must know of them. Loop thread
// only.
#pragma once

#include <functional>
#include <memory>

#include "bus/kit/informer.h"
#include "bus/ports/ports.h"
#include "cli/cluster/known_users.h"

namespace kubus::cli {

class UserKeeper {
 public:
  // `on_written` is called after the first look, and after each change that was written: the server
  // shall read it.
  UserKeeper(bus::Ports ports, kit::Client& client, Layout layout,
             std::function<void()> on_written);

 private:
  void on_progress();
  void write();

  bus::Ports ports_;
  Layout layout_;
  std::function<void()> on_written_;
  kit::Informer users_;
  std::unique_ptr<bus::Timer> soon_;
  bool looked_ = false;
};

}  // namespace kubus::cli
