// What truly happened: every event of the cluster, in order, followed by an observer whom only the
// bus itself can trouble; and the state that these events add up to. Checkers listen to it.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/feed.h"
#include "tests/sim/cluster/cluster.h"
#include "tests/sim/story.h"

namespace kubus::sim {

using State = std::map<ObjectKey, Object>;

class Chronicle {
 public:
  // `before`: the object that the event replaces; empty if there was none.
  using Listener = std::function<void(const kit::EventView& event, const Object& before)>;

  Chronicle(Cluster& cluster, Story& story);

  void listen(Listener listener) { listeners_.push_back(std::move(listener)); }
  const std::vector<kit::EventView>& events() const { return events_; }
  const State& state() const { return state_; }
  // Those of a kind; by resource name.
  std::vector<Object> all(std::string_view resource, std::string_view ns = "") const;
  Revision position() const { return feed_.position(); }
  kit::Client& client() { return client_; }

 private:
  void on_event(const kit::EventView& event);
  void tell(const kit::EventView& event, const Object& before);

  Story& story_;
  kit::Client client_;
  kit::Feed feed_;
  std::vector<kit::EventView> events_;
  State state_;
  std::vector<Listener> listeners_;
};

// Names the object of an event: "pods/default/web".
std::string name_of(const wire::Event& event);
std::string_view text_of(const flatbuffers::String* s);

}  // namespace kubus::sim
