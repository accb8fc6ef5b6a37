// containerStatuses of a Pod. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "agents/kubelet/pods/model.h"

namespace kubus::kubelet {

enum class Stage : uint8_t { kWaiting, kRunning, kEndedWell, kEndedBadly };

struct ContainerView {
  boost::json::object json;
  Stage stage = Stage::kWaiting;  // kEnded…: for good
  bool ran = false;               // at least once
};

// The runtime's words on why a container did not start, and what can be done about it where that
// is known.
std::string with_advice(const std::string& message);

// `initialized`: every init container has passed.
ContainerView view_of(const DesiredPod& pod, const DesiredContainer& container,
                      const ObservedPod& observed, const PodMemory& memory, bool initialized,
                      const std::string& runtime_name, int64_t now);

}  // namespace kubus::kubelet
