#include "services/store/restore/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "services/store/engine/lmdb.h"
#include "services/store/files/durable.h"
#include "services/store/restore/rules.h"

namespace kubus::store {
namespace {

namespace fs = std::filesystem;

// In a directory that is being filled: locked by who does it, gone when it is whole.
constexpr const char* kUnfinished = "/unfinished";

Error system_error(const std::string& what) {
  return Error(Code::kUnavailable, what + ": " + std::strerror(errno));
}

class Locked {
 public:
  Locked() = default;
  ~Locked() {
    if (fd_ >= 0) ::close(fd_);
  }
  Locked(const Locked&) = delete;
  // False: another process has it, or it cannot be made.
  bool take(const std::string& path, int flags) {
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
    return fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }

 private:
  int fd_ = -1;
};

bool holds_state(const std::string& directory) {
  if (fs::exists(directory + "/tables/data.mdb")) return true;
  std::error_code code;
  for (const auto& item : fs::directory_iterator(directory + "/journal", code)) {
    if (item.path().extension() == ".seg") return true;
  }
  return false;
}

class Restore {
 public:
  explicit Restore(const RestoreOptions& o)
      : o_(o), directory_(trimmed(o.directory)), work_(directory_ + ".restoring") {}

  Result<RestoredState> run() {
    if (Status s = look_at_present(); !s) return s.error();
    if (Status s = begin(); !s) return s.error();
    Status s = fill();
    if (s) s = put_in_place();
    if (!s) {
      std::error_code ignored;
      if (fs::exists(work_ + kUnfinished)) fs::remove_all(work_, ignored);
      return s.error();
    }
    return out_;
  }

 private:
  static std::string trimmed(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
  }

  Status look_at_present() {
    if (!fs::exists(directory_)) return {};
    present_ = true;
    if (!holds_state(directory_)) return {};
    if (!o_.replace) {
      return Error(Code::kConflict, directory_ +
                                        " holds a state; with --replace it is set aside, "
                                        "and the restored one takes its place");
    }
    bool mine = present_lock_.take(directory_ + "/journal/lock", 0) || errno == ENOENT;
    return mine ? Status() : Error(Code::kConflict, "a store runs on " + directory_);
  }

  // The directory to be filled. What is left there of one that was not finished goes; a state that
  // was set aside as its last step does not.
  Status begin() {
    bool whole = fs::exists(work_) && !fs::exists(work_ + kUnfinished) && !fs::is_empty(work_);
    if (whole) {
      if (Status s = set_aside(); !s) return s;
    }
    if (Status s = make_durable_directory(work_); !s) return s;
    if (!work_lock_.take(work_ + kUnfinished, O_CREAT)) {
      return errno == EWOULDBLOCK ? Error(Code::kConflict, "another restore works in " + work_)
                                  : system_error("making " + work_ + kUnfinished);
    }
    std::error_code code;
    fs::remove_all(work_ + "/tables", code);
    return code ? Status(Error(Code::kUnavailable, work_ + ": " + code.message())) : Status();
  }

  Status fill() {
    std::string tables = work_ + "/tables";
    {
      auto engine = open_lmdb({.directory = tables, .map_size = o_.map_bytes, .bulk = true});
      if (!engine) return engine.error();
      auto loaded = load_archive(o_.file, engine->get(),
                                 {.to_revision = o_.to_revision,
                                  .to_time_ns = o_.to_time_ns,
                                  .indexed_of = indexed_of,
                                  .progress = o_.progress});
      if (!loaded) return loaded.error();
      out_.loaded = *std::move(loaded);
    }
    if (Status s = check_keys(); !s) return s;
    if (Status s = sync_file(tables + "/data.mdb"); !s) return s;
    return sync_directory(tables);
  }

  Status check_keys() const {
    if (o_.secrets_keys.empty() || out_.loaded.keys.empty()) return {};
    auto keys = read_keys(o_.secrets_keys);
    if (!keys) return keys.error();
    for (uint64_t id : out_.loaded.keys) {
      if (keys->find(id) != nullptr) continue;
      return Error(Code::kBadRequest, o_.file + ": Secrets in it are sealed under the key " +
                                          secrets::id_text(id) + ", which " + o_.secrets_keys +
                                          " does not hold; add it to that file");
    }
    return {};
  }

  // At once, so that there is a state under the name at any moment.
  Status put_in_place() {
    std::string mark = work_ + kUnfinished;
    if (::unlink(mark.c_str()) != 0) return system_error("removing " + mark);
    if (Status s = sync_directory(work_); !s) return s;
    int rc = present_ ? ::renameat2(AT_FDCWD, work_.c_str(), AT_FDCWD, directory_.c_str(),
                                    RENAME_EXCHANGE)
                      : ::rename(work_.c_str(), directory_.c_str());
    if (rc != 0) return system_error("putting " + work_ + " in the place of " + directory_);
    if (present_) {
      std::error_code ignored;
      bool nothing = !holds_state(work_);
      if (nothing) fs::remove_all(work_, ignored);
      if (Status s = nothing ? Status() : set_aside(); !s) return s;
    }
    return sync_directory(fs::path(directory_).parent_path());
  }

  Status set_aside() {
    for (int n = 1;; ++n) {
      std::string name = directory_ + ".old-" + std::to_string(n);
      if (fs::exists(name)) continue;
      if (::rename(work_.c_str(), name.c_str()) != 0) return system_error("naming " + name);
      out_.aside = name;
      return {};
    }
  }

  const RestoreOptions& o_;
  std::string directory_, work_;
  bool present_ = false;
  Locked present_lock_, work_lock_;
  RestoredState out_;
};

}  // namespace

Result<RestoredState> restore(const RestoreOptions& options) {
  return Restore(options).run();
}

}  // namespace kubus::store
