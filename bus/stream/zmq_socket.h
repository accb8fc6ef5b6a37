// A ZeroMQ socket on an Asio loop. Loop thread only.
#pragma once

#include <zmq.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::stream {

// One context: a thread of ZeroMQ's own, and the sockets below it. Outlives them.
class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  void* get() const { return context_; }

 private:
  void* context_;
};

struct ZmqMessage {
  std::vector<std::string> parts;
  std::string user;  // what the authentication of its sender said; "" : none
};

class ZmqSocket {
 public:
  // `on_message` may destroy the socket.
  ZmqSocket(boost::asio::io_context& loop, ZmqContext& context, int type,
            std::function<void(ZmqMessage)> on_message);
  // What was sent goes out for at most a second more.
  ~ZmqSocket();
  ZmqSocket(const ZmqSocket&) = delete;

  void set(int option, int value);
  void set(int option, std::string_view value);
  std::string text(int option) const;
  Status bind(const std::string& endpoint);
  Status connect(const std::string& endpoint);
  // Begins to tell messages; after bind or connect.
  void start();
  // Tells at once what has arrived.
  void drain();
  // false: nobody to send to.
  bool send(const std::vector<std::string_view>& parts);
  void* get() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace kubus::stream
