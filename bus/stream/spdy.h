// SPDY/3.1 as far as Kubernetes' streams use it: a connection's bytes in, streams out, and back. No
// flow control (none of its speakers here has any), no priorities, no push. Knows no socket.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "schemas/lib/base/result.h"

namespace kubus::stream {

class SpdySession {
 public:
  using Headers = std::map<std::string, std::string>;  // names in lower case
  enum class Side : uint8_t { kClient, kServer };

  struct Handlers {
    std::function<void(std::string)> send;                    // bytes for the other side
    std::function<void(uint32_t id, const Headers&)> opened;  // by the other side
    std::function<void(uint32_t id)> replied;                 // to open(): data may be sent now
    std::function<void(uint32_t id, std::string_view)> data;
    std::function<void(uint32_t id)> finished;  // no more of it comes: its end, or a reset
  };

  SpdySession(Side side, Handlers handlers);
  ~SpdySession();
  SpdySession(const SpdySession&) = delete;

  // Bytes as they arrive, cut anywhere. kBadRequest: they are no SPDY; the connection is lost.
  // A handler may destroy the session.
  Status feed(std::string_view bytes);

  // A new stream. `finish`: nothing will be sent on it.
  uint32_t open(const Headers& headers, bool finish);
  void reply(uint32_t id);
  void send(uint32_t id, std::string_view bytes);
  void finish(uint32_t id);
  void reset(uint32_t id);
  void go_away();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace kubus::stream
