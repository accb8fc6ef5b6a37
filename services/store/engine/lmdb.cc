#include "services/store/engine/lmdb.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "schemas/lib/base/check.h"
#include "services/store/files/durable.h"
#include "services/store/journal/crc32c.h"

namespace kubus::store {
namespace {

constexpr std::array<const char*, kKeyspaces> kNames = {"meta",    "objects", "dead",   "journal",
                                                        "secrets", "history", "lanes",  "marks",
                                                        "index",   "audit",   "latest", "causes"};

// A file beside the tables: they are to be copied at the next opening.
constexpr const char* kScrubMark = "/scrub";

Error failure(const std::string& what, int rc) {
  return Error(Code::kUnavailable, what + ": " + mdb_strerror(rc));
}

MDB_val val(ByteView b) {
  return {b.size(), const_cast<uint8_t*>(b.data())};
}
ByteView view(const MDB_val& v) {
  return {static_cast<const uint8_t*>(v.mv_data), v.mv_size};
}

// LMDB trusts what its file holds. So each value has a seal behind it: the checksum of its table,
// key and bytes. Eight bytes, for values of a length that is a multiple of 8 stay aligned.
constexpr size_t kSealBytes = 8;

uint64_t seal_of(size_t space, ByteView key, ByteView value) {
  const uint8_t head[] = {static_cast<uint8_t>(space), static_cast<uint8_t>(key.size()),
                          static_cast<uint8_t>(key.size() >> 8)};
  return crc32c(crc32c(crc32c(0, head), key), value);
}

// The value under its seal; nullopt: it is not what was written.
std::optional<ByteView> opened(size_t space, ByteView key, ByteView sealed) {
  if (sealed.size() < kSealBytes) return std::nullopt;
  ByteView value = sealed.first(sealed.size() - kSealBytes);
  uint64_t seal = 0;
  std::memcpy(&seal, value.data() + value.size(), kSealBytes);
  if (seal != seal_of(space, key, value)) return std::nullopt;
  return value;
}

std::string damage(const std::string& directory, size_t space, ByteView key) {
  std::string shown;
  for (uint8_t c : key) shown += c > 0x20 && c < 0x7f ? static_cast<char>(c) : '.';
  return directory + "/data.mdb is damaged: \"" + shown + "\" of the table " + kNames[space] +
         " is not what was written";
}

// The environment and its tables; shared, for snapshots outlive the engine's owner now and then.
struct Environment {
  MDB_env* env = nullptr;
  std::array<MDB_dbi, kKeyspaces> dbi{};
  std::string directory;

  ~Environment() {
    if (env != nullptr) mdb_env_close(env);
  }
  MDB_dbi of(Keyspace space) const { return dbi[static_cast<size_t>(space)]; }
  // Ends the process rather than give out what was not written.
  ByteView value(Keyspace space, ByteView key, ByteView sealed) const {
    auto n = static_cast<size_t>(space);
    auto found = opened(n, key, sealed);
    if (found) return *found;
    std::fprintf(stderr, "%s\n", damage(directory, n, key).c_str());
    std::abort();
  }
};

int put_sealed(MDB_cursor* cursor, const Put& put, unsigned flags) {
  MDB_val k = val(put.key), v{put.value.size() + kSealBytes, nullptr};
  int rc = mdb_cursor_put(cursor, &k, &v, flags | MDB_RESERVE);
  if (rc != 0) return rc;
  uint64_t seal = seal_of(static_cast<size_t>(put.space), put.key, put.value);
  auto* to = static_cast<uint8_t*>(v.mv_data);
  std::copy(put.value.begin(), put.value.end(), to);
  std::memcpy(to + put.value.size(), &seal, kSealBytes);
  return 0;
}

class LmdbCursor : public Cursor {
 public:
  LmdbCursor(MDB_txn* txn, const Environment& environment, Keyspace space)
      : environment_(environment), space_(space) {
    KUBUS_CHECK(mdb_cursor_open(txn, environment.of(space), &cursor_) == 0);
  }
  ~LmdbCursor() override { mdb_cursor_close(cursor_); }

  void lower_bound(ByteView key) override {
    if (key.empty()) return move(MDB_FIRST);
    key_ = val(key);
    move(MDB_SET_RANGE);
  }
  void last() override { move(MDB_LAST); }
  void next() override { move(MDB_NEXT); }
  void prev() override { move(MDB_PREV); }
  bool valid() const override { return valid_; }
  ByteView key() const override { return view(key_); }
  ByteView value() const override { return environment_.value(space_, view(key_), view(value_)); }

 private:
  void move(MDB_cursor_op op) { valid_ = mdb_cursor_get(cursor_, &key_, &value_, op) == 0; }

  const Environment& environment_;
  Keyspace space_;
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{}, value_{};
  bool valid_ = false;
};

class LmdbSnapshot : public Snapshot {
 public:
  LmdbSnapshot(std::shared_ptr<const Environment> environment, MDB_txn* txn)
      : environment_(std::move(environment)), txn_(txn) {}
  ~LmdbSnapshot() override { mdb_txn_abort(txn_); }

  std::optional<ByteView> get(Keyspace space, ByteView key) const override {
    MDB_val k = val(key), v;
    if (mdb_get(txn_, environment_->of(space), &k, &v) != 0) return std::nullopt;
    return environment_->value(space, key, view(v));
  }
  std::unique_ptr<Cursor> cursor(Keyspace space) const override {
    return std::make_unique<LmdbCursor>(txn_, *environment_, space);
  }

 private:
  std::shared_ptr<const Environment> environment_;
  MDB_txn* txn_;
};

// Writes one keyspace's part of a transaction. Keys behind the last one are appended, which fills
// pages wholly.
class SpaceWriter {
 public:
  SpaceWriter(MDB_txn* txn, MDB_dbi dbi) : txn_(txn), dbi_(dbi) {}
  ~SpaceWriter() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  SpaceWriter(const SpaceWriter&) = delete;

  int write(const Put& put) {
    KUBUS_CHECK(!put.key.empty() && put.key.size() <= kMaxKey);
    if (int rc = open(); rc != 0) return rc;
    if (put.erase) {
      MDB_val k = val(put.key);
      int rc = mdb_del(txn_, dbi_, &k, nullptr);
      if (as_text(put.key) == as_text(last_)) stale_ = true;
      return rc == MDB_NOTFOUND ? 0 : rc;
    }
    bool append = behind_last(put.key);
    int rc = put_sealed(cursor_, put, append ? MDB_APPEND : 0);
    if (rc == 0 && append) last_.assign(put.key.begin(), put.key.end());
    return rc;
  }

 private:
  int open() {
    if (cursor_ == nullptr) {
      if (int rc = mdb_cursor_open(txn_, dbi_, &cursor_); rc != 0) return rc;
      stale_ = true;
    }
    if (!stale_) return 0;
    MDB_val k, v;
    int rc = mdb_cursor_get(cursor_, &k, &v, MDB_LAST);
    if (rc != 0 && rc != MDB_NOTFOUND) return rc;
    ByteView last = rc == 0 ? view(k) : ByteView();
    last_.assign(last.begin(), last.end());
    stale_ = false;
    return 0;
  }
  bool behind_last(ByteView key) const { return as_text(key) > as_text(last_); }

  MDB_txn* txn_;
  MDB_dbi dbi_;
  MDB_cursor* cursor_ = nullptr;
  Buffer last_;
  bool stale_ = true;  // last_ and the cursor must be read anew
};

class LmdbEngine : public Engine {
 public:
  explicit LmdbEngine(std::shared_ptr<const Environment> environment)
      : e_(std::move(environment)) {}

  Result<std::shared_ptr<const Snapshot>> snapshot() const override {
    MDB_txn* txn = nullptr;
    if (int rc = mdb_txn_begin(e_->env, nullptr, MDB_RDONLY, &txn); rc != 0) {
      return failure("reading " + e_->directory, rc);
    }
    return std::shared_ptr<const Snapshot>(std::make_shared<LmdbSnapshot>(e_, txn));
  }

  Status write(std::span<const Put> puts) override {
    MDB_txn* txn = nullptr;
    if (int rc = mdb_txn_begin(e_->env, nullptr, 0, &txn); rc != 0) return failed(rc);
    if (int rc = write_all(txn, puts); rc != 0) {
      mdb_txn_abort(txn);
      return failed(rc);
    }
    if (int rc = mdb_txn_commit(txn); rc != 0) return failed(rc);
    return {};
  }

  Status scrub() override {
    std::string path = e_->directory + kScrubMark;
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return failure("making " + path, errno);
    close(fd);
    return sync_directory(e_->directory);
  }

  EngineUsage usage() const override {
    EngineUsage usage;
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(e_->env, &info) != 0 || mdb_env_stat(e_->env, &stat) != 0) return usage;
    usage.size = info.me_mapsize;
    usage.used = (info.me_last_pgno + 1) * stat.ms_psize;
    // Pages that were freed count as used until the map is far along: counting them walks LMDB's
    // list of free pages.
    if (usage.used > usage.size / 4 * 3) usage.used -= free_pages() * stat.ms_psize;
    struct statvfs fs;
    if (statvfs(e_->directory.c_str(), &fs) == 0)
      usage.disk_free = uint64_t{fs.f_bavail} * fs.f_frsize;
    return usage;
  }

 private:
  int write_all(MDB_txn* txn, std::span<const Put> puts) {
    std::array<std::unique_ptr<SpaceWriter>, kKeyspaces> writers;
    for (const Put& put : puts) {
      auto& writer = writers[static_cast<size_t>(put.space)];
      if (!writer) writer = std::make_unique<SpaceWriter>(txn, e_->of(put.space));
      if (int rc = writer->write(put); rc != 0) return rc;
    }
    return 0;
  }

  Error failed(int rc) const {
    if (rc == MDB_MAP_FULL)
      return Error(Code::kUnavailable, "the store's map in " + e_->directory + " is full");
    return failure("writing " + e_->directory, rc);
  }

  uint64_t free_pages() const {
    MDB_txn* txn = nullptr;
    if (mdb_txn_begin(e_->env, nullptr, MDB_RDONLY, &txn) != 0) return 0;
    uint64_t pages = 0;
    MDB_cursor* cursor = nullptr;  // LMDB's own table of free pages: each value starts with a count
    MDB_val k, v;
    KUBUS_CHECK(mdb_cursor_open(txn, 0, &cursor) == 0);
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
      size_t count = 0;
      if (v.mv_size >= sizeof(count)) std::memcpy(&count, v.mv_data, sizeof(count));
      pages += count;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return pages;
  }

  std::shared_ptr<const Environment> e_;
};

int open_tables(Environment* e, bool read_only) {
  MDB_txn* txn = nullptr;
  if (int rc = mdb_txn_begin(e->env, nullptr, read_only ? MDB_RDONLY : 0, &txn); rc != 0) return rc;
  for (size_t i = 0; i < kKeyspaces; ++i) {
    if (int rc = mdb_dbi_open(txn, kNames[i], read_only ? 0 : MDB_CREATE, &e->dbi[i]); rc != 0) {
      mdb_txn_abort(txn);
      return rc;
    }
  }
  return mdb_txn_commit(txn);
}

int open_environment(const LmdbOptions& options, const std::string& path, unsigned flags,
                     Environment* e) {
  if (int rc = mdb_env_create(&e->env); rc != 0) return rc;
  if (int rc = mdb_env_set_mapsize(e->env, options.map_size); rc != 0) return rc;
  if (int rc = mdb_env_set_maxdbs(e->env, kKeyspaces); rc != 0) return rc;
  if (int rc = mdb_env_set_maxreaders(e->env, options.readers); rc != 0) return rc;
  // Snapshots are tied to no thread: the loop makes them, workers may let go of them.
  if (int rc = mdb_env_open(e->env, path.c_str(), MDB_NOTLS | flags, 0600); rc != 0) return rc;
  int dead = 0;
  mdb_reader_check(e->env, &dead);
  return open_tables(e, (flags & MDB_RDONLY) != 0);
}

// Walks everything: what a damaged page holds would else be missed when it is looked up, or be
// taken for what was written.
Status check_all(const Environment& e) {
  MDB_txn* txn = nullptr;
  if (int rc = mdb_txn_begin(e.env, nullptr, MDB_RDONLY, &txn); rc != 0)
    return failure("reading " + e.directory, rc);
  std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> ends(txn, mdb_txn_abort);
  for (size_t space = 0; space < kKeyspaces; ++space) {
    MDB_stat stat;
    MDB_cursor* cursor = nullptr;
    if (int rc = mdb_stat(txn, e.dbi[space], &stat); rc != 0) return failure("reading", rc);
    if (int rc = mdb_cursor_open(txn, e.dbi[space], &cursor); rc != 0)
      return failure("reading", rc);
    std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closes(cursor, mdb_cursor_close);
    MDB_val k, v;
    size_t count = 0;
    std::string last;
    for (; mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0; ++count) {
      bool rises = count == 0 || as_text(view(k)) > last;
      if (!rises || !opened(space, view(k), view(v)))
        return Error(Code::kInvalid, damage(e.directory, space, view(k)));
      last = as_text(view(k));
    }
    if (count != stat.ms_entries)
      return Error(Code::kInvalid, e.directory + "/data.mdb is damaged: the table " +
                                       kNames[space] + " has lost entries");
  }
  return {};
}

// A half made environment cannot be opened: it gets its name when it is whole and durable.
Status make_environment(const LmdbOptions& options) {
  std::string data = options.directory + "/data.mdb", fresh = data + ".new";
  if (access(data.c_str(), F_OK) == 0) return {};
  for (const char* rest : {"", "-lock"}) unlink((fresh + rest).c_str());
  {
    Environment e;
    if (int rc = open_environment(options, fresh, MDB_NOSUBDIR, &e); rc != 0)
      return failure("making " + fresh, rc);
  }
  unlink((fresh + "-lock").c_str());
  if (rename(fresh.c_str(), data.c_str()) != 0) return failure("naming " + data, errno);
  return {};
}

// Puts entries into one table, in their order, a transaction for every so many bytes.
class SpaceCopy {
 public:
  SpaceCopy(const Environment& to, size_t space) : env_(to.env), dbi_(to.dbi[space]) {}
  ~SpaceCopy() { mdb_txn_abort(txn_); }
  SpaceCopy(const SpaceCopy&) = delete;

  int put(MDB_val k, MDB_val v) {
    if (txn_ == nullptr) {
      if (int rc = mdb_txn_begin(env_, nullptr, 0, &txn_); rc != 0) return rc;
    }
    if (int rc = mdb_put(txn_, dbi_, &k, &v, MDB_APPEND); rc != 0) return rc;
    bytes_ += k.mv_size + v.mv_size;
    return bytes_ < kCopyBytes ? 0 : commit();
  }
  int commit() {
    bytes_ = 0;
    MDB_txn* txn = std::exchange(txn_, nullptr);
    return txn == nullptr ? 0 : mdb_txn_commit(txn);
  }

 private:
  static constexpr size_t kCopyBytes = 64 << 20;
  MDB_env* env_;
  MDB_dbi dbi_;
  MDB_txn* txn_ = nullptr;
  size_t bytes_ = 0;
};

int copy_space(MDB_txn* from, MDB_dbi dbi, SpaceCopy* to) {
  MDB_cursor* cursor = nullptr;
  if (int rc = mdb_cursor_open(from, dbi, &cursor); rc != 0) return rc;
  std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closes(cursor, mdb_cursor_close);
  MDB_val k, v;
  int rc;
  while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
    if (rc = to->put(k, v); rc != 0) return rc;
  }
  return rc == MDB_NOTFOUND ? to->commit() : rc;
}

// Entry by entry, for LMDB's own copy takes over whole pages and what old values left in their
// gaps.
int copy_all(const Environment& from, const Environment& to) {
  MDB_txn* reads = nullptr;
  if (int rc = mdb_txn_begin(from.env, nullptr, MDB_RDONLY, &reads); rc != 0) return rc;
  std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> ends(reads, mdb_txn_abort);
  for (size_t space = 0; space < kKeyspaces; ++space) {
    SpaceCopy copy(to, space);
    if (int rc = copy_space(reads, from.dbi[space], &copy); rc != 0) return rc;
  }
  return mdb_env_sync(to.env, 1);
}

// The new file takes the old one's place when it is whole and durable.
Status scrub_files(const LmdbOptions& options) {
  std::string mark = options.directory + kScrubMark;
  if (access(mark.c_str(), F_OK) != 0) return {};
  std::string data = options.directory + "/data.mdb", fresh = data + ".new";
  for (const char* rest : {"", "-lock"}) unlink((fresh + rest).c_str());
  int rc = 0;
  {
    Environment from, to;
    rc = open_environment(options, options.directory, 0, &from);
    if (rc == 0) rc = open_environment(options, fresh, MDB_NOSUBDIR | MDB_NOSYNC, &to);
    if (rc == 0) rc = copy_all(from, to);
  }
  unlink((fresh + "-lock").c_str());
  if (rc == 0 && rename(fresh.c_str(), data.c_str()) != 0) rc = errno;
  if (rc != 0) {
    unlink(fresh.c_str());
    std::fprintf(stderr, "%s: what was removed stays in the file for now: %s\n", data.c_str(),
                 mdb_strerror(rc));
    return {};
  }
  if (Status s = sync_directory(options.directory); !s.ok()) return s;
  unlink(mark.c_str());
  return {};
}

}  // namespace

namespace {
Result<std::unique_ptr<Engine>> open_read_only(const LmdbOptions& options) {
  auto e = std::make_shared<Environment>();
  e->directory = options.directory;
  if (int rc = open_environment(options, options.directory, MDB_RDONLY, e.get()); rc != 0)
    return failure("opening " + options.directory, rc);
  if (Status s = check_all(*e); !s.ok()) return s.error();
  return std::unique_ptr<Engine>(std::make_unique<LmdbEngine>(std::move(e)));
}
}  // namespace

Result<std::unique_ptr<Engine>> open_lmdb(const LmdbOptions& options) {
  if (options.read_only) return open_read_only(options);
  if (Status s = make_durable_directory(options.directory); !s.ok()) return s.error();
  if (Status s = make_environment(options); !s.ok()) return s.error();
  if (Status s = scrub_files(options); !s.ok()) return s.error();
  if (Status s = sync_directory(options.directory); !s.ok()) return s.error();
  auto e = std::make_shared<Environment>();
  e->directory = options.directory;
  int rc = open_environment(options, options.directory, options.bulk ? MDB_NOSYNC : 0, e.get());
  // What is read from now on is relied on: a killed process may have written it without a sync.
  if (rc == 0) rc = mdb_env_sync(e->env, 1);
  if (rc != 0) return failure("opening " + options.directory, rc);
  if (Status s = check_all(*e); !s.ok()) return s.error();
  return std::unique_ptr<Engine>(std::make_unique<LmdbEngine>(std::move(e)));
}

}  // namespace kubus::store
