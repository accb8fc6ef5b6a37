#include "services/bridge/sinks/file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bus/sim/world.h"
#include "services/bridge/positions.h"

namespace kubus::bridge {
namespace {

namespace fs = std::filesystem;

struct FileTest : ::testing::Test {
  FileTest() {
    std::string pattern = (fs::temp_directory_path() / "kubus-bridge-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    options.path = directory + "/events";
  }
  ~FileTest() override { fs::remove_all(directory); }

  void open() { sink = std::move(File::open(host.ports().workers, options).value()); }
  static std::string line(uint64_t revision) {
    std::string digits = std::to_string(revision);
    return R"({"sequence":")" + std::string(20 - digits.size(), '0') + digits + "\"}";
  }
  Delivery write(uint64_t from, uint64_t to) {
    Items items;
    for (uint64_t r = from; r <= to; ++r)
      items.push_back(std::make_shared<const Item>(Item{Revision(r), {}, line(r)}));
    std::optional<Delivery> out;
    sink->deliver(items, [&](Delivery d) { out = std::move(d); });
    EXPECT_FALSE(out);
    world.settle();
    return *out;
  }
  std::string content(const std::string& suffix = "") const {
    std::ifstream in(options.path + suffix);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void append(const std::string& text) { std::ofstream(options.path, std::ios::app) << text; }

  bus::sim::World world{1};
  bus::sim::Host& host = world.add_host("bridge");
  std::string directory;
  FileOptions options;
  std::unique_ptr<File> sink;
};

TEST_F(FileTest, LinesInOrder) {
  open();
  EXPECT_FALSE(sink->has());
  EXPECT_EQ(write(1, 2).taken, 2u);
  EXPECT_EQ(content(), line(1) + "\n" + line(2) + "\n");
}

TEST_F(FileTest, RotatesBySizeAndCount) {
  options.most_bytes = 3 * (line(1).size() + 1);
  options.keep = 2;
  open();
  EXPECT_EQ(write(1, 10).taken, 10u);
  EXPECT_EQ(content(), line(10) + "\n");
  EXPECT_EQ(content(".1"), line(7) + "\n" + line(8) + "\n" + line(9) + "\n");
  EXPECT_EQ(content(".2"), line(4) + "\n" + line(5) + "\n" + line(6) + "\n");
  EXPECT_FALSE(fs::exists(options.path + ".3"));
}

TEST_F(FileTest, ALineLongerThanTheFileIsWrittenAllTheSame) {
  options.most_bytes = 5;
  options.keep = 0;
  open();
  EXPECT_EQ(write(1, 2).taken, 2u);
  EXPECT_EQ(content(), line(2) + "\n");
}

TEST_F(FileTest, HalfALineIsCutOffAndTheRestIsKnown) {
  open();
  write(1, 3);
  sink.reset();
  append(R"({"sequence":"0000)");
  open();
  EXPECT_EQ(sink->has(), Revision(3));
  write(4, 4);
  EXPECT_EQ(content(), line(1) + "\n" + line(2) + "\n" + line(3) + "\n" + line(4) + "\n");
}

TEST_F(FileTest, AnEmptyFileKnowsWhatTheOneBeforeHeld) {
  options.most_bytes = line(1).size() + 1;
  open();
  write(1, 2);
  sink.reset();
  fs::resize_file(options.path, 0);
  open();
  EXPECT_EQ(sink->has(), Revision(1));
}

TEST_F(FileTest, ForeignLinesAreNoPosition) {
  append("hello\n");
  open();
  EXPECT_FALSE(sink->has());
  append("not a line");
  open();
  EXPECT_EQ(content(), "hello\n");
}

TEST_F(FileTest, AFailedWriteLeavesWholeLines) {
  options.path = "/dev/full";
  auto full = File::open(host.ports().workers, options);
  if (!full) GTEST_SKIP() << "no /dev/full";
  sink = *std::move(full);
  Delivery d = write(1, 1);
  EXPECT_EQ(d.taken, 0u);
  EXPECT_FALSE(d.problem.ok());
}

TEST_F(FileTest, APlaceThatIsNotThereIsAnError) {
  options.path = directory + "/none/events";
  EXPECT_FALSE(File::open(host.ports().workers, options).ok());
}

TEST_F(FileTest, PositionsAreKeptWhole) {
  FilePositions positions(host.ports().workers, directory + "/state", "one");
  EXPECT_FALSE(positions.read("r").value());
  positions.keep("r", Revision(7), [](const Status& s) { EXPECT_TRUE(s.ok()); });
  world.settle();
  EXPECT_EQ(positions.read("r").value(), Revision(7));
  FilePositions other(host.ports().workers, directory + "/state", "two");
  EXPECT_FALSE(other.read("r").ok());  // of another cluster
  std::ofstream(directory + "/state/r.position") << "{";
  EXPECT_FALSE(positions.read("r").ok());
}

}  // namespace
}  // namespace kubus::bridge
