#include "agents/kubelet/node/machine.h"

#include <gtest/gtest.h>

namespace kubus::kubelet {
namespace {

TEST(Machine, OsReleaseValuesLoseTheirQuotes) {
  const std::string text = "NAME=\"Some OS\"\nID=some\nEMPTY=\nSINGLE='a b'\nXID=other\n";
  EXPECT_EQ(os_release_value(text, "NAME"), "Some OS");
  EXPECT_EQ(os_release_value(text, "ID"), "some");
  EXPECT_EQ(os_release_value(text, "EMPTY"), "");
  EXPECT_EQ(os_release_value(text, "SINGLE"), "a b");
  EXPECT_EQ(os_release_value(text, "NONE"), "");
  EXPECT_EQ(os_release_value("", "ID"), "");
}

TEST(Machine, ThisOneHasASize) {
  Machine m = read_machine("/");
  EXPECT_GE(m.cpus, 1);
  EXPECT_GT(m.memory_bytes, 0);
  EXPECT_GT(m.disk_bytes, 0);
  EXPECT_FALSE(m.kernel.empty());
  EXPECT_EQ(read_machine("/no/such/directory").disk_bytes, 0);
}

}  // namespace
}  // namespace kubus::kubelet
