// One client's view of a container's log: what is there, then what comes, at the client's pace.
// Loop thread only; lives until the log, the client or its owner ends.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agents/kubelet/stream/log_files.h"
#include "bus/ports/ports.h"
#include "bus/stream/stream.h"

namespace kubus::kubelet {

class LogStream {
 public:
  // `ended`: the container will write no more. `over` is called once, and may destroy this.
  LogStream(bus::Ports ports, std::unique_ptr<stream::Stream> stream, std::string path,
            LogOptions options, std::function<bool()> ended, std::function<void()> over);
  ~LogStream();
  LogStream(const LogStream&) = delete;

 private:
  void open();
  void on_open(Result<LogFiles> files);
  void step();
  bool read_some();
  void on_end_of_file();
  void take_lines();
  void finish(stream::End end);

  bus::Ports ports_;
  std::unique_ptr<stream::Stream> stream_;
  std::string path_;
  LogOptions options_;
  std::function<bool()> ended_;
  std::function<void()> over_;
  LogFormatter formatter_;
  std::optional<LogFiles> files_;
  std::string rest_;        // of an entry that is not complete
  bool last_look_ = false;  // the container had ended before the file was read to its end
  std::unique_ptr<bus::Timer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
