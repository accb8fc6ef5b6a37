// Which EndpointSlices a Service should have. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::controllers::endpointslice {

inline constexpr std::string_view kServiceName = "kubernetes.io/service-name";
inline constexpr std::string_view kManagedBy = "endpointslice.kubernetes.io/managed-by";
inline constexpr std::string_view kOurs = "endpointslice-controller.k8s.io";

struct Observed {
  const Object& service;
  std::vector<Object> pods;    // that its selector matches
  std::vector<Object> slices;  // ours, of this Service
};

struct Plan {
  std::vector<boost::json::object> create;  // metadata.name is still to be given
  struct Change {
    Object slice;
    std::string patch;
  };
  std::vector<Change> change;
  std::vector<Object> remove;
};

// Fills the slices that are there before it makes new ones, and moves no endpoint from one to
// another; at most `most` endpoints in each.
Plan plan(const Observed& observed, size_t most = 100);

// Whether the Service's endpoints are kept here: it has a selector, and no name outside.
bool kept_here(const Object& service);

}  // namespace kubus::controllers::endpointslice
