#include "agents/image/image.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agents/image/tar.h"

namespace kubus::agents {
namespace {

class ImageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "image-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    std::ofstream(dir_ + "/tool") << "#!/bin/sh\n";
    ::chmod((dir_ + "/tool").c_str(), 0700);
    recipe_.name = "kubus.local/tool:1";
    recipe_.files = {{"/usr/bin/tool", dir_ + "/tool", ""}, {"/bin", "", "usr/bin"}};
    recipe_.entrypoint = {"/bin/tool"};
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
  ImageRecipe recipe_;
};

TEST_F(ImageTest, NamesItselfAndHoldsItsFiles) {
  auto bytes = build_image(recipe_);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->size() % 512, 0u);
  for (const char* part : {"oci-layout", "index.json", "blobs/sha256/", "kubus.local/tool:1",
                           "usr/bin/tool", "#!/bin/sh", "\"Entrypoint\":[\"/bin/tool\"]"}) {
    EXPECT_NE(bytes->find(part), std::string::npos) << part;
  }
}

TEST_F(ImageTest, EqualInputGivesEqualBytes) {
  EXPECT_EQ(*build_image(recipe_), *build_image(recipe_));
  auto before = *build_image(recipe_);
  std::ofstream(dir_ + "/tool") << "#!/bin/bash\n";
  EXPECT_NE(before, *build_image(recipe_));
}

TEST_F(ImageTest, RefusesWhatCannotBe) {
  auto changed = [&](auto change) {
    ImageRecipe r = recipe_;
    change(r);
    auto result = build_image(r);
    return result.ok() ? Code::kInternal : result.error().code;
  };
  EXPECT_EQ(changed([](auto& r) { r.name = ""; }), Code::kBadRequest);
  EXPECT_EQ(changed([](auto& r) { r.files[0].path = "usr/bin"; }), Code::kBadRequest);
  EXPECT_EQ(changed([](auto& r) { r.files.push_back(r.files[0]); }), Code::kBadRequest);
  EXPECT_EQ(changed([](auto& r) { r.files[0].host_path = "/no/such/file"; }), Code::kNotFound);
  EXPECT_EQ(changed([](auto& r) { r.files[0].host_path = "/"; }), Code::kNotFound);
  EXPECT_EQ(changed([](auto& r) { r.files[0].path = "/" + std::string(300, 'x'); }),
            Code::kBadRequest);
}

TEST_F(ImageTest, ImportNeedsAFileAndSomeoneWhoListens) {
  EXPECT_EQ(import_image(dir_ + "/none.sock", dir_ + "/tool").error().code, Code::kUnavailable);
  EXPECT_EQ(import_image(dir_ + "/tool", dir_ + "/none").error().code, Code::kBadRequest);
}

TEST(Tar, LongNamesAreSplitAtASlash) {
  TarWriter tar;
  std::string part(90, 'a');
  EXPECT_TRUE(tar.file(part + "/" + part, "x"));
  EXPECT_FALSE(tar.file(std::string(101, 'a'), "x"));
  EXPECT_FALSE(tar.file(std::string(200, 'a') + "/b", "x"));
  EXPECT_EQ(tar.finish().size(), 512u * 4);
}

}  // namespace
}  // namespace kubus::agents
