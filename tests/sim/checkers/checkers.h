// What must hold, looked at from outside: none of it asks a component about itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/checkers/chronicle.h"

namespace kubus::sim {

class Past;

// Pods as the events tell them: bound once and within the node's capacity; phases move forward
// only; what was deleted does not come back; no finalizer is jumped over.
class PodRules {
 public:
  PodRules(Chronicle& chronicle, Story& story);
  size_t evictions() const { return evictions_; }

 private:
  void on_event(const kit::EventView& event, const Object& before);
  void check_pod(const Object& pod, const Object& before);
  void check_room(const std::string& node);

  Chronicle& chronicle_;
  Story& story_;
  std::set<std::string> gone_;  // uids
  size_t evictions_ = 0;
};

// What runs on the machines: never two live Pods of one identity, and nothing of a Pod that its own
// kubelet has told to be gone.
class RuntimeRules {
 public:
  RuntimeRules(Cluster& cluster, Chronicle& chronicle, Story& story);
  void look();
  // Once quiet: what runs is what the cluster says, on every machine.
  void check_end();

 private:
  Cluster& cluster_;
  Chronicle& chronicle_;
  Story& story_;
  std::set<std::string> given_up_;  // uids
};

// Every write that a client was told of stands in the chronicle, at that revision, of that object.
class Acknowledged {
 public:
  void add(const ObjectKey& key, Revision revision, const std::string& who) {
    writes_.push_back({key, revision, who});
  }
  void check_end(const Chronicle& chronicle, Story& story) const;
  size_t count() const { return writes_.size(); }

 private:
  struct Write {
    ObjectKey key;
    Revision revision;
    std::string who;
  };
  std::vector<Write> writes_;
};

// Followers of lanes and caches of kinds, on processes that faults may trouble: each must end with
// exactly what there was on its lane, in order, and with what there is.
class Followers {
 public:
  Followers(Cluster& cluster, Chronicle& chronicle, Story& story);
  ~Followers();
  // Whether all have come as far as the chronicle.
  bool current() const;
  void check_end();

 private:
  struct Follower;
  Cluster& cluster_;
  Chronicle& chronicle_;
  Story& story_;
  std::vector<std::unique_ptr<Follower>> all_;
};

// Once quiet: a list of every kind equals what the events add up to, and the past read again from
// the first revision equals what was followed live.
void check_reads(Cluster& cluster, Chronicle& chronicle, Story& story);

// Once quiet: an archive of the store, replayed under another name, tells a follower what happened,
// byte for byte, and reads at random moments as what was true then.
void check_replay(Cluster& cluster, Chronicle& chronicle, Past& past, Story& story);

// Empty: every Deployment has what it wants, on nodes that live, and nothing is under way; else
// what is not so yet.
std::string unsettled(const Chronicle& chronicle);

}  // namespace kubus::sim
