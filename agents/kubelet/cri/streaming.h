// Streams that a runtime serves at a URL of its own (exec, attach, port-forward): HTTP upgraded to
// SPDY/3.1, the one protocol of these that can close standard input alone. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "bus/stream/stream.h"
#include "schemas/lib/base/result.h"

namespace kubus::kubelet {

struct StreamingTarget {
  std::string url;       // "http://127.0.0.1:41234/exec/…"
  bool forward = false;  // a port, not a process
  StreamOptions options;
  int port = 0;
};

using StreamDone = std::function<void(Result<std::unique_ptr<stream::Stream>>)>;

// Calls `done` once, when the runtime has taken all channels. kUnavailable, kTimeout, or what the
// runtime says. Nothing is called after `alive` has expired.
void open_streaming(boost::asio::io_context& loop, StreamingTarget target,
                    std::weak_ptr<bool> alive, StreamDone done);

// What the runtime's status text says of how a process ended. Pure.
stream::End end_of_status(const std::string& text);

}  // namespace kubus::kubelet
