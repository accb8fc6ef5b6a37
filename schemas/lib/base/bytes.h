// Bytes that travel: a view, an owned buffer, and a shared immutable payload that never copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubus {

using ByteView = std::span<const uint8_t>;
using Buffer = std::vector<uint8_t>;

inline ByteView as_bytes(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view as_text(ByteView b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// An immutable range of bytes together with whatever keeps it alive (a NATS message, a FlatBuffer,
// a batch). Copying shares; sub-ranges share too. Safe to hand to another thread.
class Payload {
 public:
  Payload() = default;
  Payload(ByteView view, std::shared_ptr<const void> keep) : view_(view), keep_(std::move(keep)) {}
  // Takes the buffer over.
  explicit Payload(Buffer buffer) {
    auto owned = std::make_shared<const Buffer>(std::move(buffer));
    view_ = *owned;
    keep_ = std::move(owned);
  }
  static Payload copy_of(ByteView view) { return Payload(Buffer(view.begin(), view.end())); }

  ByteView view() const { return view_; }
  const uint8_t* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  // A part of this payload (for a nested FlatBuffer) that keeps the whole alive. `part` must lie
  // inside view().
  Payload part(ByteView part) const { return Payload(part, keep_); }

 private:
  ByteView view_;
  std::shared_ptr<const void> keep_;
};

}  // namespace kubus
