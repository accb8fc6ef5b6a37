// The past of one lane, read from whoever answers for the store, by pages of its journal.
#pragma once

#include <memory>

#include "bus/kit/client.h"
#include "bus/replay/player.h"

namespace kubus::replay {

class LaneSource : public Source {
 public:
  LaneSource(kit::Client& client, bus::LaneId lane) : client_(client), lane_(std::move(lane)) {}

  void read(Revision after, Revision to, std::function<void(Result<Page>)> done) override;
  void revision_at(int64_t time_ns, std::function<void(Result<Revision>)> done) override;

 private:
  kit::Client& client_;
  bus::LaneId lane_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::replay
