// New numbers for the texts that are still in use.
#include <algorithm>

#include "services/scheduler/model/snapshot.h"

namespace kubus::scheduler {
namespace {

class Renumbering {
 public:
  Renumbering(const Names& old, Names& fresh) : old_(old), fresh_(fresh) {}

  void in(NameId& id) { id = fresh_.intern(old_.text(id)); }
  void in(HostPort& p) { in(p.ip), in(p.protocol); }
  template <class Key, class Value>
  void in(std::vector<std::pair<Key, Value>>& list) {
    for (auto& entry : list) in(entry.first);
    std::sort(list.begin(), list.end());
  }
  void in(Load& load) {
    in(load.extended);
    for (HostPort& p : load.ports) in(p);
    std::sort(load.ports.begin(), load.ports.end());
  }
  void in(Facts& f) {
    in(f.name), in(f.os);
    for (auto& label : f.labels) in(label.second);
    in(f.labels);
    for (Taint& t : f.taints) in(t.key), in(t.value);
    in(f.images);
    in(f.extended);
  }
  void in(Extras& e) { in(e.used), in(e.ports); }

 private:
  const Names& old_;
  Names& fresh_;
};

}  // namespace

void Snapshot::renumber() {
  Names fresh;
  Renumbering renumber(names_, fresh);
  for (Facts& f : facts_) renumber.in(f);
  for (Extras& e : extras_) renumber.in(e);
  for (auto& [pod, place] : places_) renumber.in(place.guest.load);
  decltype(by_name_) by_name;
  for (auto [name, row] : by_name_) by_name[facts_[row].name] = row;
  decltype(images_) images;
  for (auto [image, nodes] : images_) {
    NameId id = image;
    renumber.in(id);
    images[id] = nodes;
  }
  by_name_ = std::move(by_name);
  images_ = std::move(images);
  names_ = std::move(fresh);
}

}  // namespace kubus::scheduler
