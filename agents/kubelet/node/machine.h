// What this machine is: names, system, size. Reads files of the kernel and the system.
#pragma once

#include <cstdint>
#include <string>

namespace kubus::kubelet {

struct Machine {
  std::string hostname, kernel, os_image, machine_id, system_uuid, boot_id;
  std::string architecture;  // as images call it: "amd64"
  int cpus = 1;
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;  // of the file system that holds the state directory
};

// What cannot be read stays empty or 0.
Machine read_machine(const std::string& state_dir);

// The value of a key of an os-release text, without its quotes; "" if it is not there.
std::string os_release_value(const std::string& text, const std::string& key);

}  // namespace kubus::kubelet
