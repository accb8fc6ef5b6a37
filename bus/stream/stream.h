// One end of a byte stream between two processes: a few channels each way, bounded, with an end
// that says how it ended. Adapters: the encrypted one over ZeroMQ (server.h, client.h), the
// runtime's (agents/kubelet/cri) and a pair in memory (pair.h). Loop thread only.
//
// Promises: bytes of a channel arrive once and in order; a close of a channel arrives behind its
// bytes; `ended` is called exactly once, last, unless this end was destroyed or ended the stream
// itself. Handlers may destroy the Stream that calls them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "schemas/lib/base/result.h"

namespace kubus::stream {

enum class Channel : uint8_t {
  kIn = 0,      // towards the container
  kOut = 1,     // from it; the only one of logs and forwarded ports
  kErr = 2,     // from it
  kResize = 3,  // towards it: {"Width":80,"Height":24} and a newline
};
constexpr size_t kChannels = 4;

// How it ended. An error: what the user shall read. Else the exit code of what ran.
struct End {
  Status status;
  int exit_code = 0;
};

class Stream {
 public:
  struct Handlers {
    std::function<void()> opened;  // the serving end is ready (connecting end only)
    std::function<void(Channel, std::string_view)> data;
    std::function<void(Channel)> closed;  // nothing more comes on that channel
    std::function<void()> room;           // queued() is below kRoomBytes again
    std::function<void(const End&)> ended;
  };

  // Destroying it without end() tells the other end that this one has gone.
  virtual ~Stream() = default;
  // Must be called in the call that hands the stream over.
  virtual void listen(Handlers handlers) = 0;
  // The serving end: it is ready. What is written before waits.
  virtual void open() = 0;
  // Never blocks and never fails: what the other end does not take yet is queued. Producers stop
  // while queued() is at least kRoomBytes and go on when `room` is called.
  virtual void write(Channel channel, std::string_view bytes) = 0;
  virtual void close(Channel channel) = 0;
  virtual size_t queued() const = 0;
  // So many bytes of `data` have been dealt with. What has not been counts against a window: the
  // other end can send no more than that ahead.
  virtual void consumed(size_t bytes) = 0;
  // The end, behind all that is queued.
  virtual void end(End end) = 0;
};

constexpr size_t kRoomBytes = 128 << 10;
// What may be on its way to an end that does not take it.
constexpr size_t kWindowBytes = 256 << 10;

}  // namespace kubus::stream
