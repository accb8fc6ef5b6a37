#include "agents/proxy/host.h"

#include <fstream>
#include <string>

namespace kubus::proxy {
namespace {

bool is_set(const char* path) {
  std::ifstream in(path);
  std::string value;
  return bool(in >> value) && value != "0";
}

}  // namespace

Status prepare_host() {
  for (const char* path :
       {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/bridge/bridge-nf-call-iptables"}) {
    if (is_set(path)) continue;
    std::ofstream(path) << "1\n";
    if (!is_set(path)) {
      return Error(Code::kUnavailable,
                   std::string(path) +
                       " could not be set to 1 (is br_netfilter loaded?): a Pod may "
                       "not reach a Service of a Pod beside it");
    }
  }
  return {};
}

}  // namespace kubus::proxy
