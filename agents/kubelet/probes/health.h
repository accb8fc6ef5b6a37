// How one run of a container is, as its probes' answers tell: whether it has started, is ready, or
// must be ended. Pure: the caller gives the time (nanoseconds of any one clock) and the answers.
//
// Whoever has just been started is seldom up at once, and up long before the next try: until the
// first good answer connections are tried in between too, after 100 ms, 200 ms and so on, and the
// first regular try is a second later. An early try counts only if it is good.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/kubelet/probes/check.h"

namespace kubus::kubelet {

enum class ProbeKind : uint8_t { kStartup, kLiveness, kReadiness };
// "Liveness"
const char* name_of(ProbeKind kind);

class Health {
 public:
  // What was known of this run before this process began; it holds until a probe says otherwise.
  struct Before {
    bool started = false, ready = false;
  };
  struct Kill {
    ProbeKind probe = ProbeKind::kLiveness;
    std::optional<int64_t> grace;
  };

  // `age`: how long it has been running.
  Health(Probes probes, int64_t now, int64_t age, Before before);

  bool started() const { return started_; }
  bool ready() const { return started_ && ready_; }
  const std::optional<Kill>& kill() const { return kill_; }

  // The probes to try now, and when the next one is due; nullopt: none but after an answer.
  std::vector<ProbeKind> due(int64_t now) const;
  std::optional<int64_t> next_due() const;
  const Probe& probe(ProbeKind kind) const { return *of(kind).probe; }
  void begin(ProbeKind kind, int64_t now);
  // The try that has begun, or the last one, is one in between.
  bool is_early(ProbeKind kind) const { return of(kind).early; }
  // The answer to the try that has begun. True: what the functions above tell has changed.
  bool answer(ProbeKind kind, bool good);
  // It is being ended: whether it lives is not asked any more.
  void set_ending() { ending_ = true; }

 private:
  struct Track {
    std::optional<Probe> probe;
    int64_t due = 0, regular = 0;  // the next try, and the next that is not early
    int hurried = 0;               // early tries so far
    bool early = false;
    bool under_way = false;
    bool last = false;  // the last answer
    int streak = 0;     // of the same answers
  };
  Track& of(ProbeKind kind) { return tracks_[static_cast<size_t>(kind)]; }
  const Track& of(ProbeKind kind) const { return tracks_[static_cast<size_t>(kind)]; }
  bool wanted(ProbeKind kind) const;
  bool hurries(ProbeKind kind) const;
  bool turn(ProbeKind kind, bool good);

  std::array<Track, 3> tracks_;
  bool started_ = false, ready_ = false, was_ready_ = false, ending_ = false;
  std::optional<Kill> kill_;
};

}  // namespace kubus::kubelet
