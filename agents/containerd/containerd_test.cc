#include "agents/containerd/containerd.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "agents/containerd/leftovers.h"

namespace kubus::agents {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(Containerd, ConfigurationStaysBelowItsDirectory) {
  std::string pattern = testing::TempDir() + "containerd-XXXXXX";
  std::string dir = ::mkdtemp(pattern.data());
  ASSERT_TRUE(prepare_containerd(dir, "c", "10.244.0.0/16").ok());
  std::string config = read(dir + "/config.toml"), network = read(dir + "/network.template");
  for (const std::string& part :
       {"root = \"" + dir + "/root\"", "state = \"" + dir + "/state\"",
        "Root = \"" + dir + "/runc\"", "\"" + containerd_socket(dir) + "\"",
        std::string("sandbox_image = \"kubus.local/pause:1\""),
        std::string("restrict_oom_score_adj = true")}) {
    EXPECT_NE(config.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(config.find('@'), std::string::npos);
  EXPECT_EQ(network.find('@'), std::string::npos);
  EXPECT_NE(network.find("{{.PodCIDR}}"), std::string::npos);
  std::filesystem::remove_all(dir);
}

TEST(Containerd, NamesFitAndDiffer) {
  EXPECT_LE(bridge_name("/a").size(), 15u);
  EXPECT_NE(bridge_name("/a"), bridge_name("/b"));
  EXPECT_LE(containerd_socket("/" + std::string(300, 'd')).size(), 100u);
}

constexpr const char* kSaved = R"(*nat
:POSTROUTING ACCEPT [0:0]
:CNI-1 - [0:0]
:CNI-2 - [0:0]
-A POSTROUTING -s 10.244.0.2/32 -m comment --comment "name: \"kb01\" id: \"a\"" -j CNI-1
-A POSTROUTING -s 10.9.0.2/32 -m comment --comment "name: \"other\" id: \"b\"" -j CNI-2
-A CNI-1 -d 10.244.0.0/24 -m comment --comment "name: \"kb01\" id: \"a\"" -j ACCEPT
-A CNI-2 -d 10.9.0.0/24 -m comment --comment "name: \"other\" id: \"b\"" -j ACCEPT
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"kb01\" id: \"a\"" -j CNI-DN-1
COMMIT
)";

TEST(Leftovers, RulesOfOneNetworkAreUndone) {
  EXPECT_EQ(undo_rules(kSaved, "kb01"), R"(*nat
-D POSTROUTING -s 10.244.0.2/32 -m comment --comment "name: \"kb01\" id: \"a\"" -j CNI-1
-D CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"kb01\" id: \"a\"" -j CNI-DN-1
-F CNI-1
-F CNI-DN-1
-X CNI-1
-X CNI-DN-1
COMMIT
)");
}

TEST(Leftovers, NothingToUndo) {
  EXPECT_EQ(undo_rules(kSaved, "kb0"), "");
  EXPECT_EQ(undo_rules("", "kb01"), "");
}

}  // namespace
}  // namespace kubus::agents
