#include "agents/kubelet/logs/log_keeper.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPeriod{10};

// "20261123-104028"
std::string time_text(int64_t seconds) {
  std::string out;
  for (char c : codec::format_time(seconds)) {
    if (c >= '0' && c <= '9') out += c;
  }
  return out.insert(8, "-");
}

// The text of a line "2026-11-23T10:40:28.1Z stderr F text"; "" for what is none. A line that was
// cut (P) goes on in the next.
std::string text_of(std::string_view line) {
  for (int words = 0; words < 2; ++words) {
    size_t space = line.find(' ');
    if (space == std::string_view::npos) return "";
    line.remove_prefix(space + 1);
  }
  bool whole = line.substr(0, 1) == "F";
  size_t space = line.find(' ');
  if (space == std::string_view::npos) return whole ? "\n" : "";
  return std::string(line.substr(space + 1)) + (whole ? "\n" : "");
}

}  // namespace

LogKeeper::LogKeeper(bus::Ports ports, Runtime& runtime, Running running, LogLimits limits)
    : ports_(ports), runtime_(runtime), running_(std::move(running)), limits_(limits) {}

void LogKeeper::start() {
  timer_ = ports_.clock.after(kPeriod, [this] { on_timeout(); });
}

void LogKeeper::on_timeout() {
  start();
  for (const Log& log : running_()) look_at(log);
}

void LogKeeper::look_at(const Log& log) {
  std::error_code code;
  uintmax_t size = fs::file_size(log.path, code);
  if (code || size < limits_.file_bytes) return;
  std::vector<std::string> files = log_files_of(log.path);
  size_t most = std::max<size_t>(limits_.files, 2) - 1;  // before the new one
  for (size_t i = 0; i + most < files.size(); ++i) fs::remove(files[i], code);
  std::string rotated = log.path + "." + time_text(ports_.clock.wall_seconds());
  if (fs::exists(rotated, code)) return;
  fs::rename(log.path, rotated, code);
  if (code) return ports_.log.warn("cannot rotate " + log.path + ": " + code.message());
  std::weak_ptr<bool> alive = alive_;
  runtime_.reopen_log(log.container_id, [this, alive, log, rotated](Status s) {
    if (!alive.expired()) on_reopened(log, rotated, s);
  });
}

// Without a new file the runtime goes on with the old one, which then needs its name back.
void LogKeeper::on_reopened(const Log& log, const std::string& rotated, const Status& status) {
  std::error_code code;
  if (status || fs::exists(log.path, code)) return;
  fs::rename(rotated, log.path, code);
  ports_.log.warn("cannot rotate " + log.path + ": " + status.error().message);
}

std::vector<std::string> log_files_of(const std::string& path) {
  std::vector<std::string> out;
  std::error_code code;
  std::string prefix = fs::path(path).filename().string() + ".";
  fs::directory_iterator at(fs::path(path).parent_path(), code), end;
  for (; !code && at != end; at.increment(code)) {
    if (at->path().filename().string().rfind(prefix, 0) == 0) out.push_back(at->path().string());
  }
  std::sort(out.begin(), out.end());
  if (fs::exists(path, code)) out.push_back(path);
  return out;
}

void remove_log(const std::string& path) {
  std::error_code code;
  for (const std::string& file : log_files_of(path)) fs::remove(file, code);
}

std::string log_tail(const std::string& path, size_t lines, size_t bytes) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return "";
  // The times and words before each text are not counted.
  constexpr std::streamoff kPerLine = 64;
  std::streamoff most = static_cast<std::streamoff>(bytes + lines * kPerLine);
  std::streamoff size = in.tellg(), from = std::max<std::streamoff>(size - most, 0);
  in.seekg(from);
  std::string text(std::istreambuf_iterator<char>(in), {});
  std::vector<std::string> found;
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    bool cut = at == 0 && from > 0;
    if (!cut) found.push_back(text_of(std::string_view(text).substr(at, end - at)));
  }
  std::string out;
  for (size_t i = found.size() - std::min(lines, found.size()); i < found.size(); ++i)
    out += found[i];
  return out.size() <= bytes ? out : out.substr(out.size() - bytes);
}

}  // namespace kubus::kubelet
