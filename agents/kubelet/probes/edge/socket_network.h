// The Network that real sockets make, on the process's own loop.
#pragma once

#include <memory>

#include "agents/kubelet/cri/health.h"
#include "agents/kubelet/probes/network.h"

namespace boost::asio {
class io_context;
}

namespace kubus::kubelet {

// `loop` outlives it; `post` runs a function on it, from any thread.
std::unique_ptr<Network> make_socket_network(boost::asio::io_context& loop, Post post);

}  // namespace kubus::kubelet
