#include "cli/watch/event_stream.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

constexpr size_t kMostWaiting = 10'000;
constexpr std::chrono::milliseconds kAgain{300};

bool may_pass(const Error& error) {
  return error.code == Code::kTimeout || error.code == Code::kUnavailable ||
         error.code == Code::kTooManyRequests;
}

}  // namespace

EventStream::EventStream(Session& session, bus::LaneId lane, Revision after, Revision to,
                         bool follow)
    : session_(session),
      lane_(std::move(lane)),
      position_(after),
      to_(to),
      follow_(follow),
      source_(session.client(), lane_) {}

Result<std::optional<kit::EventView>> EventStream::next() {
  for (;;) {
    if (interrupted_) return std::optional<kit::EventView>();
    if (auto event = take()) return event;
    if (feed_ == nullptr) {
      if (position_ < to_) {
        if (Status s = read_page(); !s) return s.error();
        continue;
      }
      if (!follow_) return std::optional<kit::EventView>();
      follow_on();
    }
    interrupted_ = !session_.run_until([&] { return !waiting_.empty() || behind_ || expired_; });
    if (expired_ && waiting_.empty()) {
      return Error(Code::kExpired, "what happened behind revision " +
                                       std::to_string(position_.value()) +
                                       " is not kept any more: nothing can follow it without a "
                                       "gap");
    }
  }
}

std::optional<kit::EventView> EventStream::take() {
  if (waiting_.empty()) return std::nullopt;
  kit::EventView event = std::move(waiting_.front());
  waiting_.pop_front();
  position_ = event.revision();
  if (waiting_.empty() && behind_) {  // the rest is read in pages again
    feed_.reset();
    behind_ = false;
    to_ = dropped_;
  }
  return event;
}

Status EventStream::read_page() {
  std::optional<Result<replay::Source::Page>> page;
  source_.read(position_, to_, [&](Result<replay::Source::Page> p) { page.emplace(std::move(p)); });
  if (!session_.run_until([&] { return page.has_value(); })) {
    interrupted_ = true;
    return {};
  }
  if (*page) {
    for (kit::EventView& e : (*page)->events) waiting_.push_back(std::move(e));
    Revision complete = std::min((*page)->complete_to, to_);
    if (waiting_.empty()) position_ = std::max(position_, complete);
    if (!waiting_.empty() && complete == to_) to_ = waiting_.back().revision();
    return {};
  }
  if (!follow_ || !may_pass((*page).error())) return (*page).error();
  bool waited = false;
  auto timer = session_.host().ports().clock.after(kAgain, [&] { waited = true; });
  interrupted_ = !session_.run_until([&] { return waited; });
  return {};
}

void EventStream::follow_on() {
  feed_ = std::make_unique<kit::Feed>(
      session_.host().ports(), session_.client(), lane_, position_,
      [this](const kit::EventView& event) {
        behind_ |= waiting_.size() >= kMostWaiting;
        if (behind_) {
          dropped_ = event.revision();
        } else {
          waiting_.push_back(event);
        }
      },
      [this] { expired_ = true; });
}

}  // namespace kubus::cli
