// The process's own standard streams on its loop: reading and writing never stop the loop, so that
// a terminal that is held back does not break what goes on meanwhile.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kubus::cli {

class StandardStream {
 public:
  // `descriptor`: 0, 1 or 2. Its flags are put back at the end.
  StandardStream(boost::asio::io_context& loop, int descriptor);
  ~StandardStream();
  StandardStream(const StandardStream&) = delete;

  // Calls `f` with what is read, "" at the end (once). Stops while paused.
  void read(std::function<void(std::string_view)> f);
  void pause(bool on);

  void write(std::string_view bytes);
  size_t queued() const;
  // Called when all is written.
  void on_empty(std::function<void()> f);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace kubus::cli
