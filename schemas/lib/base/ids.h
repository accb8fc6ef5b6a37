// Ids are types: none converts into another by accident.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace kubus {

template <class Tag, class Rep>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(Rep v) : v_(std::move(v)) {}
  const Rep& value() const { return v_; }
  friend auto operator<=>(const StrongId&, const StrongId&) = default;

 private:
  Rep v_{};
};

// The cluster's one counter of changes; dense, starting at 1. 0 means "none". Also an object's
// resourceVersion.
class Revision {
 public:
  constexpr Revision() = default;
  constexpr explicit Revision(uint64_t v) : v_(v) {}
  constexpr uint64_t value() const { return v_; }
  constexpr explicit operator bool() const { return v_ != 0; }
  constexpr Revision next() const { return Revision(v_ + 1); }
  friend constexpr auto operator<=>(Revision, Revision) = default;

 private:
  uint64_t v_ = 0;
};

using Uid = StrongId<struct UidTag, std::string>;
using NodeName = StrongId<struct NodeNameTag, std::string>;
using Actor =
    StrongId<struct ActorTag, std::string>;  // who speaks on the bus: "scheduler", "kubelet:n1"
using RequestId = StrongId<struct RequestIdTag, std::string>;
using ClusterName = StrongId<struct ClusterNameTag, std::string>;

}  // namespace kubus

template <class Tag, class Rep>
struct std::hash<kubus::StrongId<Tag, Rep>> {
  size_t operator()(const kubus::StrongId<Tag, Rep>& id) const {
    return std::hash<Rep>()(id.value());
  }
};
template <>
struct std::hash<kubus::Revision> {
  size_t operator()(kubus::Revision r) const { return std::hash<uint64_t>()(r.value()); }
};
