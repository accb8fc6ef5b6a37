#include "agents/kubelet/volumes/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "agents/kubelet/testing.h"
#include "agents/kubelet/volumes/files.h"
#include "agents/kubelet/volumes/ownership.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Volumes : public testing::Test {
 protected:
  Volumes() {
    std::string pattern = testing::TempDir() + "volumes-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~Volumes() override { fs::remove_all(dir_); }

  Result<std::string> prepare(const std::string& source) {
    Object pod = pod_with(source, "[]");
    auto paths = prepare_volumes(
        pod, dir_ + "/v", {"10.1.0.7", "192.0.2.1", "n1"},
        [this](const RefKey& key) {
          auto at = sources_.find(key);
          return at == sources_.end() ? Object() : at->second;
        },
        tokens_);
    if (!paths) return paths.error();
    return paths->at("v");
  }

  static Object pod_with(const std::string& source, const std::string& mounts) {
    return object_of(
        "pods", R"({"metadata":{"name":"web","labels":{"a":"b"}},"spec":{"volumes":[{"name":"v",)" +
                    source + R"(}],"containers":[{"name":"c","image":"i","volumeMounts":)" +
                    mounts + "}]}}");
  }

  static Result<std::vector<Mount>> mounts(const std::string& fields, const std::string& path) {
    Object pod = pod_with(R"("emptyDir":{})", R"([{"name":"v","mountPath":"/m")" + fields + "}]");
    return mounts_of(pod, *pod.as<core::v1::Pod>()->spec()->containers()->Get(0), {{"v", path}},
                     {{"NAME", "n"}, {"UP", ".."}});
  }

  static std::string read(const std::string& path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  static int mode(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
  }

  std::string dir_;
  Result<std::string> token_ = std::string("t0");
  TokenLookup tokens_ = [this](const TokenKey&) { return token_; };
  std::map<RefKey, Object> sources_{
      {{"configmaps", "c"},
       object_of("configmaps", R"({"metadata":{"name":"c"},"data":{"one":"1","two":"2"}})")},
      {{"secrets", "s"},
       object_of("secrets", R"({"metadata":{"name":"s"},"data":{"key":"AAH/"}})")}};
};

TEST_F(Volumes, AnEmptyDirectoryKeepsWhatIsInIt) {
  auto path = prepare(R"("emptyDir":{})");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(mode(*path), 0777);
  std::ofstream(*path + "/kept") << "x";
  ASSERT_TRUE(prepare(R"("emptyDir":{})"));
  EXPECT_EQ(read(*path + "/kept"), "x");
}

TEST_F(Volumes, AConfigMapFollowsItsSource) {
  auto path = prepare(R"("configMap":{"name":"c"})");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(read(*path + "/one"), "1");
  EXPECT_EQ(mode(*path + "/one"), 0644);
  sources_[{"configmaps", "c"}] =
      object_of("configmaps", R"({"metadata":{"name":"c"},"data":{"one":"new"}})");
  ASSERT_TRUE(prepare(R"("configMap":{"name":"c"})"));
  EXPECT_EQ(read(*path + "/one"), "new");
  EXPECT_FALSE(fs::exists(*path + "/two"));
}

TEST_F(Volumes, ItemsChooseKeysPathsAndModes) {
  auto path = prepare(
      R"("secret":{"secretName":"s","defaultMode":256,"items":[{"key":"key","path":"a/b"}]})");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(read(*path + "/a/b"), std::string("\0\1\xff", 3));
  EXPECT_EQ(mode(*path + "/a/b"), 0400);
}

TEST_F(Volumes, ProjectedSourcesShareOneDirectory) {
  auto path = prepare(R"("projected":{"sources":[{"configMap":{"name":"c"}},
      {"serviceAccountToken":{"path":"token"}},{"configMap":{"name":"gone","optional":true}},
      {"downwardAPI":{"items":[{"path":"labels","fieldRef":{"fieldPath":"metadata.labels"}}]}}]})");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(read(*path + "/two"), "2");
  EXPECT_EQ(read(*path + "/labels"), "a=\"b\"");
  EXPECT_EQ(read(*path + "/token"), "t0");
}

TEST_F(Volumes, WhatIsMissingOrUnknownIsNamed) {
  for (auto [source, words] : std::map<std::string, std::string>{
           {R"("configMap":{"name":"gone"})", "volume \"v\": ConfigMap \"gone\" does not exist"},
           {R"("secret":{"secretName":"s","items":[{"key":"no","path":"p"}]})",
            "Secret \"s\" has no key \"no\""},
           {R"("configMap":{"name":"c","items":[{"key":"one","path":"../p"}]})", "leads out"},
           {R"("nfs":{"server":"a","path":"/b"})", "is not supported"},
           {R"("hostPath":{"path":"/etc","type":"File"})", "the host's /etc is no File"},
           {R"("hostPath":{"path":"/no/such","type":"Directory"})", "is no Directory"}}) {
    auto path = prepare(source);
    ASSERT_FALSE(path) << source;
    EXPECT_THAT(path.error().message, HasSubstr(words));
  }
}

TEST_F(Volumes, AHostPathIsTakenAsItIsAndOutlivesThePod) {
  auto path = prepare(R"("hostPath":{"path":")" + dir_ + R"(/made","type":"DirectoryOrCreate"})");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, dir_ + "/made");
  auto own = prepare(R"("emptyDir":{})");
  fs::create_symlink(dir_ + "/made", *own + "/link");
  remove_volumes(dir_ + "/v");
  EXPECT_FALSE(fs::exists(dir_ + "/v"));
  EXPECT_TRUE(fs::is_directory(dir_ + "/made"));
}

TEST_F(Volumes, MountsSayHow) {
  auto m = mounts(R"(,"readOnly":true,"mountPropagation":"HostToContainer","subPath":"a/b")", dir_);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->at(0).host_path, fs::canonical(dir_).string() + "/a/b");
  EXPECT_TRUE(fs::is_directory(dir_ + "/a/b"));
  EXPECT_TRUE(m->at(0).read_only);
  EXPECT_EQ(m->at(0).propagation, Mount::Propagation::kHostToContainer);
  EXPECT_EQ(m->at(0).container_path, "/m");
}

TEST_F(Volumes, TextsChangeAllAtOnce) {
  auto path = prepare(R"("configMap":{"name":"c"})");
  ASSERT_TRUE(path);
  EXPECT_EQ(fs::read_symlink(*path + "/one"), "..data/one");
  fs::path before = fs::read_symlink(*path + "/..data");
  ASSERT_TRUE(prepare(R"("configMap":{"name":"c"})"));
  EXPECT_EQ(fs::read_symlink(*path + "/..data"), before);
  sources_[{"configmaps", "c"}] =
      object_of("configmaps", R"({"metadata":{"name":"c"},"data":{"one":"new"}})");
  ASSERT_TRUE(prepare(R"("configMap":{"name":"c"})"));
  EXPECT_NE(fs::read_symlink(*path + "/..data"), before);
  EXPECT_FALSE(fs::exists(*path + "/" + before.string()));
  EXPECT_EQ(read(*path + "/one"), "new");
}

TEST_F(Volumes, AnOldTokenServesUntilThereIsANewOne) {
  const std::string source =
      R"("projected":{"sources":[{"serviceAccountToken":{"path":"token","expirationSeconds":900}}]})";
  token_ = Error(Code::kUnavailable, "none yet");
  EXPECT_THAT(prepare(source).error().message, HasSubstr("none yet"));
  token_ = std::string("t1");
  auto path = prepare(source);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(mode(*path + "/token"), 0644);
  token_ = Error(Code::kUnavailable, "the store is away");
  ASSERT_TRUE(prepare(source));
  EXPECT_EQ(read(*path + "/token"), "t1");
  token_ = std::string("t2");
  ASSERT_TRUE(prepare(source));
  EXPECT_EQ(read(*path + "/token"), "t2");
}

TEST_F(Volumes, TextsAreMountedReadOnlyAndSubPathsMayNameVariables) {
  EXPECT_FALSE(mounts("", dir_)->at(0).read_only);
  EXPECT_THAT(mounts(R"j(,"subPathExpr":"a/$(NAME)")j", dir_)->at(0).host_path,
              testing::EndsWith("/a/n"));
  EXPECT_THAT(mounts(R"j(,"subPathExpr":"$(NONE)")j", dir_).error().message, HasSubstr("variable"));
  EXPECT_THAT(mounts(R"j(,"subPathExpr":"$(UP)/x")j", dir_).error().message,
              HasSubstr("leads out"));
  EXPECT_THAT(mounts(R"(,"recursiveReadOnly":"Enabled")", dir_).error().message,
              HasSubstr("recursiveReadOnly"));
  Object pod = pod_with(R"("configMap":{"name":"c"})", R"([{"name":"v","mountPath":"/m"}])");
  auto texts =
      mounts_of(pod, *pod.as<core::v1::Pod>()->spec()->containers()->Get(0), {{"v", dir_}}, {});
  ASSERT_TRUE(texts);
  EXPECT_TRUE(texts->at(0).read_only);
  EXPECT_TRUE(follows_sources(pod));
  EXPECT_FALSE(follows_sources(pod_with(R"("emptyDir":{})", "[]")));
}

TEST_F(Volumes, AGroupGetsWhatIsThere) {
  auto group = static_cast<int64_t>(::getegid());
  fs::create_directories(dir_ + "/g/deep");
  std::ofstream(dir_ + "/g/deep/file") << "x";
  fs::permissions(dir_ + "/g/deep/file", fs::perms(0600));
  ASSERT_TRUE(give_to_group(dir_ + "/g", group, false));
  EXPECT_EQ(mode(dir_ + "/g/deep/file"), 0660);
  EXPECT_EQ(mode(dir_ + "/g/deep") & 02070, 02070);
  fs::permissions(dir_ + "/g/deep/file", fs::perms(0600));
  ASSERT_TRUE(give_to_group(dir_ + "/g", group, true));
  EXPECT_EQ(mode(dir_ + "/g/deep/file"), 0600);
  EXPECT_FALSE(give_to_group(dir_ + "/none", group, false));
}

TEST_F(Volumes, NoSubPathLeadsOut) {
  fs::create_symlink("/etc", dir_ + "/link");
  for (const char* sub : {"..", "a/../../b", "/etc", "link", "link/deeper"}) {
    auto m = mounts(R"(,"subPath":")" + std::string(sub) + "\"", dir_);
    ASSERT_FALSE(m) << sub;
    EXPECT_THAT(m.error().message, HasSubstr("leads out of its volume"));
  }
}

TEST_F(Volumes, References) {
  std::set<RefKey> found;
  volume_references(pod_with(R"("projected":{"sources":[{"configMap":{"name":"a"}},
      {"secret":{"name":"b"}},{"serviceAccountToken":{"path":"t"}}]})",
                             "[]"),
                    &found);
  EXPECT_EQ(found, (std::set<RefKey>{{"configmaps", "a"}, {"secrets", "b"}}));
}

}  // namespace
}  // namespace kubus::kubelet
