#include "bus/replay/player.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"

namespace kubus::replay {
namespace {

constexpr int kTurn = 512;     // events between two looks at what else happens
constexpr size_t kAhead = 64;  // so few left: the next page is asked for
constexpr bus::Duration kAgain = std::chrono::milliseconds(5);
constexpr bus::Duration kLongest = std::chrono::hours(1);

}  // namespace

Player::Player(bus::Clock& clock, Source& source, PlayerOptions options, Sink sink, OnSeek on_seek,
               OnEnd on_end)
    : clock_(clock),
      source_(source),
      sink_(std::move(sink)),
      on_seek_(std::move(on_seek)),
      on_end_(std::move(on_end)),
      read_to_(options.from) {
  state_.position = state_.from = options.from;
  state_.to = options.to;
  state_.speed = options.speed;
  state_.paused = options.paused;
  wake();
}

// ---- what it is told ----

void Player::pause() {
  stop_clock();
  steps_ = 0;
  state_.paused = true;
}

void Player::resume() {
  if (!state_.paused) return;
  state_.paused = false;
  steps_ = 0;
  wake();
}

void Player::step(uint64_t events) {
  stop_clock();
  state_.paused = true;
  steps_ += events;
  wake();
}

Status Player::seek(Revision position) {
  if (position < state_.from || position > state_.to) {
    return Error(Code::kBadRequest,
                 "revision " + std::to_string(position.value()) +
                     " is not in what is replayed: " + std::to_string(state_.from.value()) +
                     " to " + std::to_string(state_.to.value()));
  }
  ++episode_;
  reading_ = false;
  events_.clear();
  state_.position = read_to_ = position;
  state_.time_ns = 0;
  state_.ended = false;
  steps_ = 0;
  anchor_.reset();
  stopped_at_.reset();
  on_seek_(position);
  wake();
  return {};
}

void Player::set_speed(Speed speed) {
  stop_clock();
  state_.speed = speed;
  wake();
}

// ---- the clock of the past ----

int64_t Player::past_now() const {
  auto passed = static_cast<double>((clock_.now() - anchor_->at).count());
  return anchor_->time_ns + static_cast<int64_t>(passed * state_.speed.times);
}

void Player::stop_clock() {
  if (!anchor_) return;
  stopped_at_ = past_now();
  anchor_.reset();
}

// The first event after a start or a jump is due at once.
bool Player::due(const kit::EventView& event) {
  if (steps_ > 0) return true;
  if (state_.paused || state_.speed.mode == Speed::Mode::kStep) return false;
  if (state_.speed.mode == Speed::Mode::kMax) return true;
  if (!anchor_) {
    anchor_ = Anchor{clock_.now(), stopped_at_.value_or(event->time())};
    stopped_at_.reset();
  }
  return event->time() <= past_now();
}

// ---- playing ----

void Player::wake() {
  timer_ = clock_.after({}, [this] { tick(); });
}

void Player::tick() {
  timer_.reset();
  if (state_.ended) return;
  for (int n = 0; !events_.empty() && due(events_.front()); ++n) {
    if (n == kTurn) return wake();
    if (!play_front()) return;
  }
  if (read_to_ < state_.to && events_.size() < kAhead && !reading_) read();
  if (timer_ || state_.ended) return;
  if (events_.empty()) {
    if (read_to_ >= state_.to) end({});
    return;
  }
  if (!anchor_) return;  // until it is told
  auto left = static_cast<double>(events_.front()->time() - past_now()) / state_.speed.times;
  auto most = static_cast<double>(kLongest.count());
  bus::Duration wait(static_cast<int64_t>(std::clamp(left, 1.0, most)));
  timer_ = clock_.after(wait, [this] { tick(); });
}

// False: what is to come next is decided elsewhere. The sink may have told this player anything.
bool Player::play_front() {
  kit::EventView event = std::move(events_.front());
  events_.pop_front();
  uint64_t before = episode_;
  std::weak_ptr<bool> alive = alive_;
  bool taken = sink_(event);
  if (alive.expired() || before != episode_) return false;
  if (!taken) {
    events_.push_front(std::move(event));
    timer_ = clock_.after(kAgain, [this] { tick(); });
    return false;
  }
  state_.position = event.revision();
  state_.time_ns = event->time();
  ++state_.played;
  if (steps_ > 0) {
    --steps_;
    stopped_at_ = event->time();
  }
  return true;
}

void Player::read() {
  reading_ = true;
  std::weak_ptr<bool> alive = alive_;
  source_.read(read_to_, state_.to, [this, alive, asked = episode_](Result<Source::Page> page) {
    if (!alive.expired() && asked == episode_) on_page(std::move(page));
  });
}

void Player::on_page(Result<Source::Page> page) {
  reading_ = false;
  if (!page) return end(page.error());
  for (kit::EventView& event : page->events) {
    if (event.revision() <= read_to_ || event.revision() > state_.to)
      return end(Error(Code::kInternal, "what was read of the past is not in order"));
    read_to_ = event.revision();
    events_.push_back(std::move(event));
  }
  if (page->events.empty() && page->complete_to <= read_to_ && read_to_ < state_.to)
    return end(Error(Code::kInternal, "the past ends before it should"));
  read_to_ = std::min(state_.to, std::max(read_to_, page->complete_to));
  wake();
}

void Player::end(Status status) {
  if (status) state_.position = state_.to;
  state_.ended = true;
  anchor_.reset();
  stopped_at_.reset();
  on_end_(std::move(status));
}

}  // namespace kubus::replay
