#include "bus/stream/bridge.h"

#include <array>

namespace kubus::stream {

struct Bridge::Impl : std::enable_shared_from_this<Impl> {
  Stream& end_of(size_t i) { return *ends[i]; }

  Stream::Handlers handlers_for(size_t i) {
    auto weak = weak_from_this();
    size_t other = 1 - i;
    Stream::Handlers h;
    h.data = [weak, i, other](Channel c, std::string_view bytes) {
      if (auto self = weak.lock()) self->pass(i, other, c, bytes);
    };
    h.closed = [weak, other](Channel c) {
      if (auto self = weak.lock()) self->end_of(other).close(c);
    };
    h.room = [weak, other] {
      if (auto self = weak.lock())
        self->end_of(other).consumed(std::exchange(self->owed[other], 0));
    };
    h.ended = [weak, other](const End& end) {
      auto self = weak.lock();
      if (!self) return;
      self->end_of(other).end(end);
      if (auto f = std::exchange(self->over, nullptr)) f(end);
    };
    return h;
  }

  void pass(size_t from, size_t to, Channel c, std::string_view bytes) {
    end_of(to).write(c, bytes);
    if (end_of(to).queued() < kRoomBytes) return end_of(from).consumed(bytes.size());
    owed[from] += bytes.size();
  }

  std::array<std::unique_ptr<Stream>, 2> ends;
  std::array<size_t, 2> owed{};  // taken from an end and not yet taken by the other
  std::function<void(const End&)> over;
};

Bridge::Bridge(std::unique_ptr<Stream> a, std::unique_ptr<Stream> b,
               std::function<void(const End&)> over)
    : impl_(std::make_shared<Impl>()) {
  impl_->ends = {std::move(a), std::move(b)};
  impl_->over = std::move(over);
  for (size_t i = 0; i < 2; ++i) impl_->end_of(i).listen(impl_->handlers_for(i));
}

Bridge::~Bridge() = default;

}  // namespace kubus::stream
