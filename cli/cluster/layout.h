// Where a cluster's state directory keeps what.
#pragma once

#include <string>

namespace kubus::cli {

struct Layout {
  std::string dir;  // absolute

  std::string config() const { return dir + "/config.json"; }
  std::string kubeconfig() const { return dir + "/kubeconfig"; }
  std::string pki(const std::string& name) const { return dir + "/pki/" + name; }
  std::string credentials(const std::string& actor) const {
    return dir + "/credentials/" + actor + ".json";
  }
  std::string bus_config() const { return dir + "/bus/nats-server.conf"; }
  std::string bus_users() const { return dir + "/bus/users.json"; }
  std::string jetstream() const { return dir + "/bus/stream"; }
  std::string store() const { return dir + "/store"; }
  std::string kubelet() const { return dir + "/kubelet"; }
  std::string proxy() const { return dir + "/proxy"; }
  std::string containerd() const { return dir + "/containerd"; }
  std::string logs() const { return dir + "/logs"; }
  std::string run() const { return dir + "/run"; }
  std::string lock() const { return dir + "/run/lock"; }
  std::string status() const { return dir + "/run/status.json"; }
};

// `state` as given on the command line ("" : $KUBUS_STATE, else ~/.kubus/default), made absolute.
Layout layout_of(const std::string& state);

}  // namespace kubus::cli
