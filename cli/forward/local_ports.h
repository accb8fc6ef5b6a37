// Ports of this machine whose connections become streams. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bus/stream/stream.h"
#include "schemas/lib/base/result.h"

namespace kubus::cli {

class LocalPort {
 public:
  using OnConnection = std::function<void(std::unique_ptr<stream::Stream>)>;

  // kUnavailable: it is taken. Port 0: any.
  static Result<std::unique_ptr<LocalPort>> open(boost::asio::io_context& loop,
                                                 const std::string& address, uint16_t port,
                                                 OnConnection on_connection);
  ~LocalPort();
  uint16_t port() const;

 private:
  struct Impl;
  explicit LocalPort(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace kubus::cli
