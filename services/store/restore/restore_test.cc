// A restored state is the saved one: its tables byte for byte, and what they say at every revision.
// Damaged files are refused by name; a restore that dies leaves the old state or the new one.
#include "services/store/restore/restore.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "bus/archive/file/tracker.h"
#include "bus/archive/file/trimmer.h"
#include "bus/kit/requests.h"
#include "services/store/engine/lmdb.h"
#include "services/store/journal/memory.h"
#include "services/store/replay/testing/archived.h"
#include "services/store/restore/testing/busy_world.h"
#include "services/store/state/encoding.h"

namespace kubus::store {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::Got;

constexpr uint64_t kMapBytes = 1ull << 30;

using Rows = std::map<std::pair<size_t, std::string>, std::string>;

// Everything but what only the store that wrote it needs.
Rows rows_of(const Engine& engine) {
  Rows rows;
  auto tables = engine.snapshot().value();
  for (size_t space = 0; space < kKeyspaces; ++space) {
    if (static_cast<Keyspace>(space) == Keyspace::kAudit) continue;
    auto at = tables->cursor(static_cast<Keyspace>(space));
    for (at->lower_bound({}); at->valid(); at->next())
      rows[{space, std::string(as_text(at->key()))}] = as_text(at->value());
  }
  return rows;
}

// What `f` gives while no file can grow beyond that, as on a disk that is full.
template <class F>
auto limited(rlim_t bytes, F&& f) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit tight{bytes, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  auto out = f();
  ::setrlimit(RLIMIT_FSIZE, &before);
  return out;
}

class RestoreTest : public ::testing::Test {
 protected:
  RestoreTest() {
    std::string pattern = fs::temp_directory_path() / "kubus-restore-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    file_ = directory_ + "/saved.kubus";
    state_ = directory_ + "/store";
  }
  ~RestoreTest() override { fs::remove_all(directory_); }

  testing::Archived archived(bool with_secrets = true) {
    auto out = testing::fetch_archived(
        w_.host("admin").ports(), w_.client("admin"),
        [&](const auto& done) { return w_.world.run_until(done); }, with_secrets, 4000);
    EXPECT_TRUE(out) << out.error().message;
    return *std::move(out);
  }
  void save() { ASSERT_TRUE(testing::write_file(archived(), file_)); }

  RestoreOptions options() const {
    RestoreOptions o;
    o.file = file_;
    o.directory = state_;
    o.map_bytes = kMapBytes;
    return o;
  }
  Error refusal(const RestoreOptions& o) {
    auto done = restore(o);
    EXPECT_FALSE(done);
    return done ? Error(Code::kInternal, "") : done.error();
  }
  static std::unique_ptr<Engine> engine_in(const std::string& state) {
    return open_lmdb({.directory = state + "/tables", .map_size = kMapBytes}).value();
  }
  Rows saved_rows() { return rows_of(*open_memory(w_.copy_of_tables())); }

  // A state opened on what was restored; writes into it go nowhere.
  std::unique_ptr<State> opened(std::unique_ptr<Engine> engine) {
    StateOptions o;
    o.keep_revisions = o.keep_revisions_max = UINT64_MAX;
    bus::Ports ports = w_.host("restored").ports();
    auto state = State::open(ports, std::move(engine),
                             open_memory_journal(std::make_shared<MemoryLog>(), ports.workers), o);
    EXPECT_TRUE(state) << (state ? "" : state.error().message);
    return *std::move(state);
  }
  using Listed = std::map<std::string, std::pair<uint64_t, std::string>>;
  static Listed listed(const View& view, std::string_view resource, Revision at) {
    Listed out;
    ListQuery query;
    query.kind = &testing::kind(resource);
    query.revision = at;
    query.limit = 0;
    ListPage page;
    EXPECT_TRUE(view.list(query, &page));
    for (const Stored& s : page.items) {
      Object o = s.object(*query.kind);
      out[std::string(o.name())] = {s.revision.value(), std::string(as_text(s.bytes.view()))};
    }
    return out;
  }
  void expect_as_it_was(const View& then, Revision at) {
    View live = w_.store().state().committed();
    ASSERT_EQ(then.revision(), at);
    for (const char* resource : {"pods", "configmaps", "secrets", "nodes", "events"}) {
      auto was = listed(live, resource, at);
      ASSERT_EQ(listed(then, resource, at), was) << resource << at.value();
      const auto& kind = testing::kind(resource);
      ASSERT_EQ(then.count(kind, std::nullopt), was.size());
      for (const auto& [name, object] : was) {
        auto found = then.find(kind, resource == std::string("nodes") ? "" : "default", name);
        ASSERT_EQ(found.revision.value(), object.first);
        ASSERT_EQ(as_text(found.bytes.view()), object.second);
      }
    }
  }

  std::string directory_, file_, state_;
  testing::BusyWorld busy_;
  testing::StoreWorld& w_ = busy_.store;
};

TEST_F(RestoreTest, EveryRowOfTheTablesIsThereAgain) {
  busy_.write_history(24);
  busy_.write_versions(1000, 300);  // into a second group of versions
  Rows saved = saved_rows();
  save();
  auto done = restore(options());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->loaded.last, w_.store().state().committed().revision());
  EXPECT_EQ(done->aside, "");
  Rows found = rows_of(*engine_in(state_));
  for (const auto& [key, value] : saved) {
    auto at = found.find(key);
    ASSERT_NE(at, found.end()) << "of table " << key.first << ": " << ::testing::PrintToString(key);
    ASSERT_EQ(at->second, value) << "of table " << key.first;
  }
  ASSERT_EQ(found.size(), saved.size());
  EXPECT_TRUE(opened(engine_in(state_))->verify());
}

TEST_F(RestoreTest, EveryPointReadsAsWhatWasTrueThen) {
  busy_.write_history(12);
  save();
  uint64_t last = w_.store().state().committed().revision().value();
  for (uint64_t r = 1; r <= last && !HasFatalFailure(); ++r) {
    auto engine = open_memory(std::make_shared<MemoryTables>());
    auto loaded = load_archive(file_, engine.get(), {.to_revision = r});
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto state = opened(std::move(engine));
    expect_as_it_was(state->committed(), Revision(r));
    ASSERT_TRUE(state->verify());
  }
}

TEST_F(RestoreTest, ATimeIsTheLastThatWasWrittenThen) {
  busy_.write_history(6);
  save();
  View live = w_.store().state().committed();
  for (uint64_t r = 1; r <= live.revision().value(); ++r) {
    int64_t time = flatbuffers::GetRoot<wire::Event>(live.event(Revision(r)).data())->time();
    for (int64_t at : {time, time + 1}) {
      auto engine = open_memory(std::make_shared<MemoryTables>());
      auto loaded = load_archive(file_, engine.get(), {.to_time_ns = at});
      ASSERT_TRUE(loaded) << loaded.error().message;
      ASSERT_EQ(loaded->last, *live.revision_at(at));
    }
  }
  auto engine = open_memory(std::make_shared<MemoryTables>());
  EXPECT_EQ(load_archive(file_, engine.get(), {.to_time_ns = 1}).error().code, Code::kBadRequest);
}

TEST_F(RestoreTest, AfterACompactionTheRestIsThere) {
  busy_.write_history(24);
  Revision horizon(60);
  w_.store().state().compact_to(horizon);
  w_.world.run_for(seconds(5));
  busy_.flush();
  View live = w_.store().state().committed();
  ASSERT_GE(live.compacted(), horizon);
  save();
  for (Revision at : {live.compacted(), live.compacted().next(), live.revision()}) {
    auto engine = open_memory(std::make_shared<MemoryTables>());
    auto loaded = load_archive(file_, engine.get(), {.to_revision = at.value()});
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto state = opened(std::move(engine));
    expect_as_it_was(state->committed(), at);
    ASSERT_TRUE(state->verify());
  }
  RestoreOptions o = options();
  o.to_revision = live.compacted().value() - 1;
  EXPECT_EQ(refusal(o).code, Code::kExpired);
  o.to_revision = live.revision().value() + 1;
  EXPECT_EQ(refusal(o).code, Code::kBadRequest);
  EXPECT_FALSE(fs::exists(state_)) << "a refused restore leaves something";
}

TEST_F(RestoreTest, WhatIsCutShortOrAlteredIsRefusedByName) {
  busy_.write_history(5);
  save();
  std::ifstream in(file_, std::ios::binary);
  std::string whole(std::istreambuf_iterator<char>(in), {});
  auto attempt = [&](const std::string& bytes) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
    auto engine = open_memory(std::make_shared<MemoryTables>());
    auto loaded = load_archive(file_, engine.get());
    ASSERT_FALSE(loaded);
    ASSERT_EQ(loaded.error().code, Code::kInvalid) << loaded.error().message;
    ASSERT_NE(loaded.error().message.find(file_), std::string::npos) << loaded.error().message;
  };
  for (size_t size = 0; size < whole.size() && !HasFatalFailure(); size += 1 + whole.size() / 90)
    attempt(whole.substr(0, size));
  for (size_t at = 0; at < whole.size() && !HasFatalFailure(); at += 1 + whole.size() / 90) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 4);
    attempt(altered);
  }
  attempt(whole + "x");
}

// Someone who can write such files: each is sound in itself, and one record is another.
TEST_F(RestoreTest, AForgedRecordBreaksTheChain) {
  busy_.write_history(4);
  testing::Archived all = archived();
  auto forged = [&](uint64_t revision, auto&& change) {
    archive::FileHeader header;
    header.cluster = all.cluster;
    header.to = all.last;
    auto writer = archive::FileWriter::create(file_, header).value();
    archive::ChainTracker chain(all.base, all.at_base);
    archive::FileTrailer trailer{0, all.last, {}};
    for (const Payload& page : all.pages) {
      archive::Entries entries(page.view());
      Buffer out;
      while (auto entry = entries.next()) {
        EXPECT_TRUE(chain.add(*entry));
        Buffer record(entry->record.begin(), entry->record.end());
        if (entry->revision == revision) change(&record);
        entry->record = record;
        archive::append_entry(&out, *entry);
        ++trailer.count;
      }
      EXPECT_TRUE(writer->add(out));
    }
    trailer.chain = chain.chain();
    EXPECT_TRUE(writer->finish(trailer));
  };
  auto replace = [](Buffer* record, std::string_view from, std::string_view to) {
    auto at = std::search(record->begin(), record->end(), from.begin(), from.end());
    ASSERT_NE(at, record->end());
    std::copy(to.begin(), to.end(), at);
  };
  uint64_t first = 0;
  View live = w_.store().state().committed();
  for (uint64_t r = 1; first == 0; ++r) {
    if (as_text(live.event(Revision(r)).view()).find("xxxx") != std::string_view::npos) first = r;
  }
  forged(first, [&](Buffer* record) { replace(record, "xxxx", "oooo"); });
  Error error = refusal(options());
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_NE(error.message.find("chain of hashes"), std::string::npos) << error.message;
  forged(first + 3, [](Buffer* record) { record->resize(16); });
  EXPECT_NE(refusal(options()).message.find("revision " + std::to_string(first + 3)),
            std::string::npos);
  EXPECT_FALSE(fs::exists(state_));
}

TEST_F(RestoreTest, AStateThatIsThereIsSetAsideOnlyOnRequest) {
  busy_.write_history(3);
  save();
  ASSERT_TRUE(restore(options()));
  Rows first = rows_of(*engine_in(state_));
  Error there = refusal(options());
  EXPECT_EQ(there.code, Code::kConflict);
  EXPECT_NE(there.message.find("--replace"), std::string::npos) << there.message;
  busy_.write_round(4);
  busy_.flush();
  save();
  RestoreOptions o = options();
  o.replace = true;
  auto done = restore(o);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->aside, state_ + ".old-1");
  EXPECT_EQ(rows_of(*engine_in(done->aside)), first);
  EXPECT_EQ(rows_of(*engine_in(state_)), saved_rows());
  EXPECT_EQ(restore(o)->aside, state_ + ".old-2");
}

TEST_F(RestoreTest, AFullDiskIsAClearErrorAndLeavesNothing) {
  busy_.write_history(20);
  save();
  auto restored = limited(96 << 10, [&] { return restore(options()); });
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::kUnavailable) << restored.error().message;
  EXPECT_NE(restored.error().message.find(state_), std::string::npos) << restored.error().message;
  EXPECT_FALSE(fs::exists(state_));
  testing::Archived all = archived();
  std::string other = directory_ + "/other.kubus";
  Status written = limited(2 << 10, [&] { return testing::write_file(all, other); });
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("cannot write " + other), std::string::npos)
      << written.error().message;
  EXPECT_FALSE(fs::exists(other));
  EXPECT_FALSE(fs::exists(other + ".partial"));
  RestoreOptions o = options();
  o.map_bytes = 64 << 10;
  EXPECT_EQ(refusal(o).code, Code::kUnavailable);
}

TEST_F(RestoreTest, AKilledRestoreLeavesTheOldStateOrTheNew) {
  busy_.write_history(3);
  save();
  ASSERT_TRUE(restore(options()));
  Rows old = rows_of(*engine_in(state_));
  busy_.write_round(4);
  busy_.flush();
  save();
  Rows fresh = saved_rows();
  RestoreOptions o = options();
  o.replace = true;
  std::mt19937_64 random(7);
  for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
    pid_t child = fork();
    if (child == 0) {
      itimerval end{{}, {0, static_cast<suseconds_t>(1 + random() % 30'000)}};
      ::setitimer(ITIMER_REAL, &end, nullptr);  // its signal ends the process then and there
      _exit(restore(o) ? 0 : 1);
    }
    random.discard(1);
    ::waitpid(child, nullptr, 0);
    Rows found = rows_of(*engine_in(state_));
    ASSERT_TRUE(found == old || found == fresh) << "round " << i;
  }
  auto done = restore(o);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(rows_of(*engine_in(state_)) == fresh);
  EXPECT_FALSE(fs::exists(state_ + ".restoring"));
  bool kept = false;
  for (int n = 1; fs::exists(state_ + ".old-" + std::to_string(n)); ++n)
    kept |= rows_of(*engine_in(state_ + ".old-" + std::to_string(n))) == old;
  EXPECT_TRUE(kept) << "what was there at first is gone";
}

TEST_F(RestoreTest, WithoutTheSecretsOnlyTheirMetadataIsThere) {
  busy_.write_history(3);
  ASSERT_TRUE(testing::write_file(archived(false), file_));
  auto done = restore(options());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_GT(done->loaded.left_out, 0u);
  auto state = opened(engine_in(state_));
  EXPECT_TRUE(state->verify());
  auto found = state->committed().find(testing::kind("secrets"), "default", "s");
  ASSERT_TRUE(found);
  EXPECT_EQ(found.object(testing::kind("secrets")).name(), "s");
}

// Begun later: what lived there, and everything from there on.
TEST_F(RestoreTest, ATrimmedArchiveBeginsLater) {
  busy_.write_history(13);
  busy_.write_versions(1000, 30);
  testing::Archived all = archived();
  View live = w_.store().state().committed();
  for (uint64_t base = 1; base < all.last.value() && !HasFatalFailure(); base += 7) {
    archive::ChainTracker chain(all.base, all.at_base);
    archive::Trimmer trimmer;
    testing::Archived trimmed{all.cluster, Revision(base), all.last, {}, {}, {}};
    Buffer rest;
    for (const Payload& page : all.pages) {
      archive::Entries entries(page.view());
      while (auto entry = entries.next()) {
        ASSERT_TRUE(chain.add(*entry));
        if (entry->revision == base) trimmed.at_base = chain.chain();
        if (entry->revision > base) archive::append_entry(&rest, *entry);
        if (entry->revision <= base)
          trimmer.take(*entry, *archive::decode_record(entry->record), chain.event());
      }
    }
    ASSERT_TRUE(trimmer.give(5000, [&](ByteView block) {
      trimmed.pages.push_back(Payload::copy_of(block));
      return Status();
    }));
    trimmed.pages.push_back(Payload(std::move(rest)));
    ASSERT_TRUE(testing::write_file(trimmed, file_));
    auto engine = open_memory(std::make_shared<MemoryTables>());
    auto loaded = load_archive(file_, engine.get());
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto state = opened(std::move(engine));
    ASSERT_TRUE(state->verify());
    expect_as_it_was(state->committed(), all.last);
    for (uint64_t r = base; r <= all.last.value(); r += 11) {
      for (const char* resource : {"pods", "configmaps"})
        ASSERT_EQ(listed(state->committed(), resource, Revision(r)),
                  listed(live, resource, Revision(r)));
    }
  }
}

// Masked on its way out: nowhere in the file, and the chain is that of the store.
TEST_F(RestoreTest, WhatIsMaskedIsNotInTheFile) {
  busy_.write_history(8);
  std::string masked = R"({"metadata":{"name":"k","annotations":{"copy":"it is tell-nobody"}},)"
                       R"("data":{"password":"tell-nobody","other":"may-be-seen"}})";
  ASSERT_TRUE(w_.create("configmaps", "default", masked));
  w_.patch("configmaps", "default", "k",
           R"({"metadata":{"annotations":{"copy":"nor-this"}},"data":{"password":"nor-this"}})");
  busy_.flush();
  testing::Archived all = archived(false);
  Chain end = all.at_end;
  all.pages.clear();
  all.at_end = {};
  auto ask = [&](std::string token) {
    wire::RequestT request;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Archive;
    op->revision = all.last.value();
    op->continue_token = std::move(token);
    op->paths = {"configmaps/k:data.password", "pods:spec.containers[*].image"};
    request.operations.push_back(std::move(op));
    return w_.call(std::move(request));
  };
  Got got = ask("");
  while (got && !got.outcome.continue_token.empty()) {
    got = ask(got.outcome.continue_token);
    ASSERT_TRUE(got) << got.message();
    all.pages.push_back(Payload::copy_of(got.outcome.archive));
  }
  ASSERT_TRUE(std::ranges::equal(got.outcome.chain, end));
  for (const Payload& page : all.pages) {
    for (const char* value : {"tell-nobody", "nor-this"})
      EXPECT_EQ(as_text(page.view()).find(value), std::string_view::npos) << value;
  }
  ASSERT_TRUE(testing::write_file(all, file_));
  auto engine = open_memory(std::make_shared<MemoryTables>());
  auto loaded = load_archive(file_, engine.get());
  ASSERT_TRUE(loaded) << loaded.error().message;
  auto state = opened(std::move(engine));
  EXPECT_TRUE(state->verify());
  auto k = state->committed().find(testing::kind("configmaps"), "default", "k");
  EXPECT_NE(as_text(k.bytes.view()).find("may-be-seen"), std::string_view::npos);
  EXPECT_NE(as_text(k.bytes.view()).find("[purged]"), std::string_view::npos);
  auto wrong = [&](const std::string& path) {
    wire::RequestT request;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Archive;
    op->paths = {path};
    request.operations.push_back(std::move(op));
    return w_.call(std::move(request)).code();
  };
  for (const char* path : {"configmaps", "nothings:data", "configmaps:nothing", ":", "pods.apps:x"})
    EXPECT_EQ(wrong(path), Code::kBadRequest) << path;
}

TEST_F(RestoreTest, LifeGoesOnInWhatWasRestored) {
  busy_.write_history(8);
  save();
  ASSERT_TRUE(restore(options()));
  auto state = opened(engine_in(state_));
  Transaction t = state->begin();
  Change c;
  c.type = ChangeType::kModified;
  c.kind = &testing::kind("configmaps");
  c.ns = "default";
  c.name = "m";
  Buffer object = testing::StoreWorld::encode(
      "configmaps", testing::parse(R"({"metadata":{"name":"m","namespace":"default"}})"));
  c.object = object;
  Revision next = t.add(c, Origin{"tester", "", "", {}, 0});
  EXPECT_EQ(next, w_.store().state().committed().revision().next());
  bool committed = false, flushed = false;
  state->commit(std::move(t), [&](Result<Committed> r) { committed = r.ok(); });
  state->flush([&](Status s) { flushed = s.ok(); });
  ASSERT_TRUE(w_.world.run_until([&] { return committed && flushed; }));
  EXPECT_TRUE(state->verify());
}

}  // namespace
}  // namespace kubus::store
