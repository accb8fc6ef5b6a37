#include "cli/cluster/known_users.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/cluster/bus_config.h"
#include "cli/cluster/files.h"
#include "cli/cluster/passwords.h"

namespace kubus::cli {
namespace {

struct KnownUsers : testing::Test {
  Layout layout;
  ClusterConfig config;
  void SetUp() override {
    char name[] = "/tmp/kubus-users-XXXXXX";
    layout.dir = mkdtemp(name);
    ASSERT_TRUE(make_directories(layout.dir + "/bus"));
    ASSERT_TRUE(make_directories(layout.dir + "/credentials"));
  }
  void TearDown() override { std::filesystem::remove_all(layout.dir); }
  std::string server_config() {
    config.bus_port = 4222;
    Status written = write_bus_config(config, layout);
    return written ? *read_file(layout.bus_config()) : written.error().message;
  }
};

TEST_F(KnownUsers, AreKeptAsTheyAre) {
  EXPECT_TRUE(read_known_users(layout)->empty());
  std::vector<KnownUser> users = {{"a", "$2b$04$x", {"watch:pods"}}, {"b", "", {}}};
  ASSERT_TRUE(write_known_users(layout, users));
  EXPECT_EQ(*read_known_users(layout), users);
  EXPECT_EQ(std::filesystem::status(layout.bus_users()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  for (const char* broken : {"{}", "[1]", "[{\"name\":\"a\"}]",
                             "[{\"name\":\"a\",\"passwordHash\":\"\",\"may\":[1]}]", "["}) {
    ASSERT_TRUE(write_file(layout.bus_users(), broken));
    EXPECT_EQ(read_known_users(layout).error().code, Code::kBadRequest) << broken;
  }
}

TEST_F(KnownUsers, TheServerLetsThemDoTheirPartAlone) {
  ASSERT_TRUE(write_known_users(
      layout,
      {{"a.b", "$2b$04$x", {"watch:pods/shop", "get:nodes", "admission:images", "nonsense"}},
       {"no-password", "", {"watch:pods"}}}));
  std::string config = server_config();
  size_t at = config.find("\"user:a.b\"");
  ASSERT_NE(at, std::string::npos) << config;
  std::string block = config.substr(at, config.find("      }\n", at) - at);
  // Under every replay's name it may the same as under the cluster's.
  auto line = [&](const char* word) {
    size_t from = block.find(word);
    return block.substr(from, block.find("\n", from) - from);
  };
  EXPECT_TRUE(block.starts_with("\"user:a.b\", password: \"$2b$04$x\",\n"));
  EXPECT_EQ(line("publish"),
            "publish: { allow: [\"kubus.default.api.user:a%2Eb.>\", "
            "\"kubus.replay.*.api.user:a%2Eb.>\"] }");
  EXPECT_EQ(line("subscribe"),
            "subscribe: { allow: [\"kubus.default.reply.user:a%2Eb.>\", "
            "\"kubus.default.event._.pods.shop.*\", \"kubus.default.head.namespace._.pods.shop\", "
            "\"kubus.replay.*.reply.user:a%2Eb.>\", \"kubus.replay.*.event._.pods.shop.*\", "
            "\"kubus.replay.*.head.namespace._.pods.shop\", \"kubus.default.admission.images\"] }");
  EXPECT_EQ(line("allow_responses"), "allow_responses: { max: 1, expires: \"1m\" }");
  EXPECT_EQ(config.find("no-password"), std::string::npos);
}

TEST_F(KnownUsers, TheStreamIsASpaceOfItsOwn) {
  ASSERT_TRUE(write_known_users(layout, {{"s", "$2b$04$x", {"stream:pods/shop", "stream:nodes"}},
                                         {"w", "$2b$04$x", {"watch:pods"}}}));
  EXPECT_EQ(server_config().find("jetstream"), std::string::npos);
  EXPECT_EQ(server_config().find("stream:s"), std::string::npos);
  config.stream = true;
  std::string text = server_config();
  size_t space = text.find("accounts {\n  STREAM { jetstream: enabled");
  ASSERT_NE(space, std::string::npos);
  EXPECT_EQ(text.find("stream:w"), std::string::npos);
  EXPECT_GT(text.find("\"stream-writer\""), space);
  EXPECT_LT(text.find("\"user:s\""), space);
  size_t at = text.find("\"stream:s\"");
  ASSERT_GT(at, space);
  size_t from = text.find("publish", at);
  EXPECT_EQ(
      text.substr(from, text.find("\n", from) - from),
      "publish: { allow: [\"$JS.API.INFO\", "
      "\"$JS.API.CONSUMER.CREATE.KUBUS_default.s-1.kubus.default.stream._.pods.shop.*\", "
      "\"$JS.API.CONSUMER.INFO.KUBUS_default.s-1\", \"$JS.API.CONSUMER.DELETE.KUBUS_default.s-1\", "
      "\"$JS.API.CONSUMER.MSG.NEXT.KUBUS_default.s-1\", \"$JS.ACK.KUBUS_default.s-1.>\", "
      "\"$JS.API.CONSUMER.CREATE.KUBUS_default.s-2.kubus.default.stream._.nodes.>\", "
      "\"$JS.API.CONSUMER.INFO.KUBUS_default.s-2\", \"$JS.API.CONSUMER.DELETE.KUBUS_default.s-2\", "
      "\"$JS.API.CONSUMER.MSG.NEXT.KUBUS_default.s-2\", \"$JS.ACK.KUBUS_default.s-2.>\"] }");
}

TEST(Passwords, AreRandomAndTheirHashesBcrypts) {
  EXPECT_NE(random_password(), random_password());
  auto hash = bcrypt_hash("secret");
  ASSERT_TRUE(hash) << hash.error().message;
  EXPECT_EQ(hash->substr(0, 7), "$2b$04$");
  EXPECT_EQ(hash->size(), 60u);
  EXPECT_NE(*hash, *bcrypt_hash("secret"));
}

}  // namespace
}  // namespace kubus::cli
