// The Runtime of a CRI socket. gRPC and its thread stay inside.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agents/kubelet/cri/runtime.h"

namespace boost::asio {
class io_context;
}

namespace kubus::kubelet {

// `loop`: for the streams that the runtime serves. `endpoint`: "unix:///path". `post` runs a
// function on the loop, from any thread; it must outlive the Runtime. Connects on first use and
// again whenever the socket comes back.
std::unique_ptr<Runtime> make_cri_runtime(boost::asio::io_context& loop,
                                          const std::string& endpoint,
                                          std::function<void(std::function<void()>)> post);

}  // namespace kubus::kubelet
