#include "cli/cluster/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "cli/cluster/files.h"
#include "cli/cluster/preflight.h"

namespace kubus::cli {
namespace {

class Config : public testing::Test {
 protected:
  Config() {
    std::string pattern = testing::TempDir() + "config-XXXXXX";
    layout_.dir = ::mkdtemp(pattern.data());
  }
  ~Config() override { std::filesystem::remove_all(layout_.dir); }

  Layout layout_;
};

TEST_F(Config, IsReadAsItWasWritten) {
  ClusterConfig c;
  c.address = "192.0.2.7";
  c.bus_port = 1;
  c.api_port = 2;
  c.node = "n1";
  ASSERT_TRUE(write_config(layout_, c));
  auto read = read_config(layout_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->address, "192.0.2.7");
  EXPECT_EQ(read->api_port, 2);
  EXPECT_EQ(read->node_grace_seconds, 40);
}

TEST_F(Config, AClusterThatIsOlderHasNoAddressYet) {
  ASSERT_TRUE(write_file(layout_.config(),
                         R"({"name":"default","listen":"127.0.0.1","busPort":1,"apiPort":2,)"
                         R"("podCIDR":"a","serviceCIDR":"b","node":"n","runtimeEndpoint":""})"));
  auto read = read_config(layout_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->address, "");
}

TEST_F(Config, WhatIsMalformedIsNamed) {
  EXPECT_EQ(read_config(layout_).error().code, Code::kNotFound);
  ASSERT_TRUE(write_file(layout_.config(), "[]"));
  EXPECT_EQ(read_config(layout_).error().code, Code::kBadRequest);
}

TEST(Preflight, APortIsFreeOnBothAddressesOrElsewhere) {
  uint16_t port = free_port("127.0.0.1", "127.0.0.2", 0);
  EXPECT_NE(port, 0);
  EXPECT_EQ(free_port("127.0.0.1", "203.0.113.254", 0), 0);
}

}  // namespace
}  // namespace kubus::cli
