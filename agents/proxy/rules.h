// What the kernel must know of a Service: elements of the table's maps. Pure.
//
// A Service's port is one element that names a chain by the number of its endpoints, and that many
// numbered elements, one of which the chain picks by a random number. So a change costs what has
// changed, however many Services there are. With session affinity the number is a hash of the
// client's address among kSlots slots; each slot belongs to the endpoint with the highest hash of
// both, so that a client moves only when its endpoint goes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::proxy {

inline constexpr int kSlots = 64;

struct Endpoint {
  std::string address;
  int port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// An element: of which map, under which key, with which value ("" in a set).
struct ElementKey {
  std::string map, key;
  friend auto operator<=>(const ElementKey&, const ElementKey&) = default;
};
using Elements = std::map<ElementKey, std::string>;

struct ServiceRules {
  Elements elements;
  // The endpoints of each port in the order of their numbers, to be handed to the next call: those
  // that stay keep their numbers.
  std::map<std::string, std::vector<Endpoint>> order;
};

// `slices`: all of the Service. `node`: the one that this is, for policies that prefer it. Services
// without an address of their own give nothing.
ServiceRules rules_of(const Object& service, const std::vector<Object>& slices,
                      const std::string& node,
                      const std::map<std::string, std::vector<Endpoint>>& order);

}  // namespace kubus::proxy
