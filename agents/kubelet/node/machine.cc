#include "agents/kubelet/node/machine.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <sstream>

namespace kubus::kubelet {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string read_word(const std::string& path) {
  std::istringstream words(read_all(path));
  std::string out;
  words >> out;
  return out;
}

std::string architecture_of(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  return machine == "aarch64" ? "arm64" : machine;
}

}  // namespace

std::string os_release_value(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, key.size() + 1, key + "=") != 0) continue;
    std::string value = line.substr(key.size() + 1);
    if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

Machine read_machine(const std::string& state_dir) {
  Machine out;
  utsname system{};
  if (::uname(&system) == 0) {
    out.hostname = system.nodename;
    out.kernel = system.release;
    out.architecture = architecture_of(system.machine);
  }
  out.os_image = os_release_value(read_all("/etc/os-release"), "PRETTY_NAME");
  out.machine_id = read_word("/etc/machine-id");
  out.boot_id = read_word("/proc/sys/kernel/random/boot_id");
  out.system_uuid = read_word("/sys/class/dmi/id/product_uuid");
  std::transform(out.system_uuid.begin(), out.system_uuid.end(), out.system_uuid.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (out.system_uuid.empty()) out.system_uuid = out.machine_id;
  out.cpus = static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  out.memory_bytes = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  struct statvfs disk {};
  if (::statvfs(state_dir.c_str(), &disk) == 0)
    out.disk_bytes = static_cast<int64_t>(disk.f_blocks) * static_cast<int64_t>(disk.f_frsize);
  return out;
}

}  // namespace kubus::kubelet
