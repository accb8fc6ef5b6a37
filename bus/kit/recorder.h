// Tells what happened to an object as Kubernetes Events (core/v1). Telling the same again within
// some minutes raises `count` of the Event that is there; a talkative object is held back; nothing
// waits for an Event and none is repeated when it fails. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "schemas/lib/object.h"

namespace kubus::kit {

struct RecorderOptions {
  std::string component;  // "kubelet", "deployment-controller"
  std::string host;       // the node that it speaks for; "" : none
  // Of one object: this many at once, then one each interval.
  int burst = 25;
  bus::Duration interval = std::chrono::minutes(5);
};

class Recorder {
 public:
  enum class Type : uint8_t { kNormal, kWarning };

  // `client` outlives it.
  Recorder(bus::Ports ports, Client& client, RecorderOptions options);
  ~Recorder();
  Recorder(const Recorder&) = delete;

  // `reason`: one CamelCase word; `message`: a sentence for people. `field_path` names the part:
  // "spec.containers{web}". `about` must be an object that the store gave (kind, name, uid).
  void record(Type type, const Object& about, std::string_view reason, std::string_view message,
              std::string_view field_path = "", const Cause& cause = {});
  void normal(const Object& about, std::string_view reason, std::string_view message,
              std::string_view field_path = "", const Cause& cause = {}) {
    record(Type::kNormal, about, reason, message, field_path, cause);
  }
  void warning(const Object& about, std::string_view reason, std::string_view message,
               std::string_view field_path = "", const Cause& cause = {}) {
    record(Type::kWarning, about, reason, message, field_path, cause);
  }

  struct Stats {
    uint64_t created = 0, counted = 0, held_back = 0, failed = 0;
  };
  const Stats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::kit
