// A state's journal as what is played.
#pragma once

#include "bus/replay/player.h"
#include "services/store/state/state.h"

namespace kubus::store {

class StateSource : public replay::Source {
 public:
  explicit StateSource(const State& state) : state_(state) {}
  void read(Revision after, Revision to, std::function<void(Result<Page>)> done) override;
  void revision_at(int64_t time_ns, std::function<void(Result<Revision>)> done) override;

 private:
  const State& state_;
};

}  // namespace kubus::store
