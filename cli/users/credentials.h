// The credentials of a user from outside: all that a program needs to join, in one JSON file.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "bus/grants.h"
#include "cli/cluster/config.h"

namespace kubus::cli {

// cluster, actor, servers, user, password (as bus/host reads them); prefix, requests, replies:
// where it asks and is answered; lanes: what it may follow, with the subjects of events and heads;
// admissions with their subjects; stream: its name and consumers in the stream of events, if it may
// have any; may: its rights as given. `ca_pem`: the cluster's authority, for servers that speak
// TLS.
boost::json::object credentials_of(const ClusterConfig& config, const std::string& name,
                                   const std::string& password, const std::vector<std::string>& may,
                                   const std::string& ca_pem);

}  // namespace kubus::cli
