#include "agents/kubelet/stream/log_stream.h"

namespace kubus::kubelet {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr int kReadsAtOnce = 4;
// An entry of a runtime has 16 KiB of text; what is far longer is none.
constexpr size_t kMostEntryBytes = 1 << 20;
constexpr std::chrono::milliseconds kLooksAgain{100};

}  // namespace

LogStream::LogStream(bus::Ports ports, std::unique_ptr<stream::Stream> stream, std::string path,
                     LogOptions options, std::function<bool()> ended, std::function<void()> over)
    : ports_(ports),
      stream_(std::move(stream)),
      path_(std::move(path)),
      options_(options),
      ended_(std::move(ended)),
      over_(std::move(over)),
      formatter_(options_) {
  stream::Stream::Handlers h;
  h.data = [this](stream::Channel, std::string_view bytes) { stream_->consumed(bytes.size()); };
  h.room = [this] {
    if (files_) timer_ = ports_.clock.after({}, [this] { step(); });
  };
  h.ended = [this](const stream::End&) {
    if (auto f = std::exchange(over_, nullptr)) f();
  };
  stream_->listen(std::move(h));
  open();
}

LogStream::~LogStream() = default;

// Finding where the last lines begin may read much.
void LogStream::open() {
  auto result = std::make_shared<std::optional<Result<LogFiles>>>();
  std::weak_ptr<bool> alive = alive_;
  ports_.workers.run(
      "logs",
      [result, path = path_, tail = options_.tail_lines] {
        result->emplace(LogFiles::open(path));
        if (**result && tail) (**result)->seek_tail(*tail);
      },
      [this, alive, result] {
        if (!alive.expired()) on_open(*std::move(*result));
      });
}

void LogStream::on_open(Result<LogFiles> files) {
  if (!files) return finish({files.error()});
  files_ = *std::move(files);
  stream_->open();
  step();
}

void LogStream::step() {
  timer_.reset();
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (stream_->queued() >= stream::kRoomBytes) return;  // `room` goes on
    if (formatter_.full()) return finish({});
    if (!read_some()) return on_end_of_file();
  }
  timer_ = ports_.clock.after({}, [this] { step(); });
}

bool LogStream::read_some() {
  if (!files_->read(kReadBytes, &rest_)) return false;
  take_lines();
  return true;
}

void LogStream::take_lines() {
  std::string shown;
  size_t begin = 0;
  for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
    formatter_.add(std::string_view(rest_).substr(begin, end - begin), &shown);
  rest_.erase(0, begin);
  if (rest_.size() > kMostEntryBytes) rest_.clear();
  stream_->write(stream::Channel::kOut, shown);
}

void LogStream::on_end_of_file() {
  if (formatter_.full() || (!options_.follow && !files_->follow_rotation())) return finish({});
  if (options_.follow && !files_->follow_rotation()) {
    if (last_look_) return finish({});
    last_look_ = ended_();
    timer_ = ports_.clock.after(last_look_ ? bus::Duration(0) : bus::Duration(kLooksAgain),
                                [this] { step(); });
    return;
  }
  timer_ = ports_.clock.after({}, [this] { step(); });
}

void LogStream::finish(stream::End end) {
  stream_->end(std::move(end));
  if (auto f = std::exchange(over_, nullptr)) f();
}

}  // namespace kubus::kubelet
