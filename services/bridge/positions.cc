#include "services/bridge/positions.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

namespace kubus::bridge {
namespace {

namespace json = boost::json;

Error failed(const std::string& what, const std::string& path) {
  return Error(Code::kUnavailable, what + " " + path + ": " + std::strerror(errno));
}

Status write_synced(const std::string& path, const std::string& text) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed("opening", path);
  bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
              ::fdatasync(fd) == 0;
  Error error = failed("writing", path);
  ::close(fd);
  return good ? Status() : Status(error);
}

Status sync_directory(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("opening", path);
  bool good = ::fsync(fd) == 0;
  Error error = failed("syncing", path);
  ::close(fd);
  return good ? Status() : Status(error);
}

Status replace(const std::string& directory, const std::string& path, const std::string& text) {
  if (Status s = write_synced(path + ".new", text); !s) return s;
  if (::rename((path + ".new").c_str(), path.c_str()) != 0) return failed("replacing", path);
  return sync_directory(directory);
}

}  // namespace

FilePositions::FilePositions(bus::Workers& workers, std::string directory, std::string cluster)
    : workers_(workers), directory_(std::move(directory)), cluster_(std::move(cluster)) {}

std::string FilePositions::path(const std::string& route) const {
  return directory_ + "/" + route + ".position";
}

Result<std::optional<Revision>> FilePositions::read(const std::string& route) {
  std::error_code code;
  std::filesystem::create_directories(directory_, code);
  if (code) return Error(Code::kUnavailable, "making " + directory_ + ": " + code.message());
  std::ifstream in(path(route));
  if (!in && !std::filesystem::exists(path(route), code)) return std::optional<Revision>();
  std::string text(std::istreambuf_iterator<char>(in), {});
  boost::system::error_code bad;
  json::value v = json::parse(text, bad);
  const json::value* revision = v.is_object() ? v.as_object().if_contains("revision") : nullptr;
  const json::value* cluster = v.is_object() ? v.as_object().if_contains("cluster") : nullptr;
  if (bad || !revision || !cluster || !cluster->is_string() ||
      !(revision->is_int64() || revision->is_uint64()))
    return Error(Code::kBadRequest,
                 path(route) + " is no position; remove it to begin where the route's `from` says");
  if (cluster->as_string() != cluster_)
    return Error(Code::kConflict, path(route) + " is a position in cluster " +
                                      std::string(cluster->as_string()) + ", not in " + cluster_);
  return std::optional(Revision(revision->to_number<uint64_t>()));
}

void FilePositions::keep(const std::string& route, Revision position,
                         std::function<void(Status)> done) {
  auto result = std::make_shared<Status>();
  json::object o{{"cluster", cluster_}, {"revision", position.value()}};
  workers_.run(
      "positions",
      [=, directory = directory_, path = path(route), text = json::serialize(o) + "\n"] {
        *result = replace(directory, path, text);
      },
      [result, done = std::move(done)] { done(std::move(*result)); });
}

}  // namespace kubus::bridge
