#include <filesystem>

#include "bus/archive/fetch/fetch.h"
#include "tests/sim/checkers/restored.h"
#include "tests/sim/workload/user.h"

namespace kubus::sim {
namespace {

constexpr uint32_t kLeastPage = 4 << 10, kMostPage = 64 << 10;

// Saves the cluster to a file now and then, and restores what was saved: it must equal what was
// there. A last time once all is mended, which must succeed.
class Saver : public User {
 public:
  Saver(Stage& stage, const Step& step)
      : User(stage, "saver", step),
        absent_(ports_.random.below(static_cast<uint64_t>(step.number("one-in", 1))) != 0) {
    if (!absent_) start();
  }
  void stop() override {
    User::stop();
    if (absent_) return;
    ++owed_;
    if (!fetch_) begin();
  }
  void check_end() override { judge(); }

 private:
  void act() override {
    judge();
    if (!fetch_) begin();
  }

  void begin() {
    again_.reset();
    last_of_all_ = stopped_;
    std::string path = stage_.cluster.directory() + "/backup-" + std::to_string(++count_);
    archive::FetchOptions options;
    options.with_secrets = true;
    options.page_bytes = kLeastPage + static_cast<uint32_t>(ports_.random.below(kMostPage));
    options.create = [path](const archive::FileHeader& header) {
      return archive::FileWriter::create(path, header);
    };
    stage_.story.tell(name_, "saves the cluster");
    fetch_ = std::make_unique<archive::Fetch>(
        ports_, client_, std::move(options),
        [this, path](const Result<archive::Fetched>& fetched) { on_fetched(path, fetched); });
  }

  void on_fetched(const std::string& path, const Result<archive::Fetched>& fetched) {
    auto gone = std::move(fetch_);
    stage_.story.tell(name_, fetched ? "has saved it up to " + std::to_string(fetched->last.value())
                                     : "has not saved it: " + fetched.error().message);
    if (fetched) {
      stage_.story.count("backup");
      saved_.emplace_back(fetched->last, path);
    } else {
      check_failure(path, fetched.error());
    }
    if (last_of_all_ && fetched) return void(--owed_);
    if (stopped_) again_ = ports_.clock.after(std::chrono::seconds(1), [this] { begin(); });
  }

  void check_failure(const std::string& path, const Error& error) {
    stage_.story.count("backup that failed");
    bool excused = error.code == Code::kTimeout || error.code == Code::kUnavailable;
    if (!excused) stage_.story.wrong("backup", "it fails: " + error.message);
    if (std::filesystem::exists(path))
      stage_.story.wrong("backup", "it fails and leaves a file: " + error.message);
  }

  // Those whose end the chronicle has come to.
  void judge() {
    std::erase_if(saved_, [this](const auto& saved) {
      if (saved.first > stage_.past.known()) return false;
      check_restored(saved.second, stage_.cluster, stage_.past, stage_.story);
      std::filesystem::remove(saved.second);
      return true;
    });
  }

  bool absent_;  // this seed does without
  int count_ = 0;
  bool last_of_all_ = false;
  std::vector<std::pair<Revision, std::string>> saved_;
  std::unique_ptr<archive::Fetch> fetch_;
  std::unique_ptr<bus::Timer> again_;
};

}  // namespace

std::unique_ptr<User> make_saver(Stage& stage, const Step& step) {
  return std::make_unique<Saver>(stage, step);
}

}  // namespace kubus::sim
