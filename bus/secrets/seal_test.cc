#include "bus/secrets/seal.h"

#include <gtest/gtest.h>

namespace kubus::secrets {
namespace {

class Counting : public bus::Random {
 public:
  uint64_t next() override { return ++n_ * 0x9e3779b97f4a7c15; }

 private:
  uint64_t n_ = 0;
};

struct SealTest : ::testing::Test {
  Counting random;
  Key old_key = make_key(random, "2026-01-01"), new_key = make_key(random, "");
  KeyRing ring = of({old_key});
  Place place{"test", 7};
  std::string body = "a body with a password";

  static KeyRing of(std::vector<Key> oldest_first) {
    KeyRing out;
    for (Key& k : oldest_first) out.add_newest(std::move(k));
    return out;
  }
  Buffer sealed() { return seal(&ring.newest(), place, as_bytes(body), fresh_of(random)); }
  static std::string text(const Result<Buffer>& opened) {
    return opened ? std::string(as_text(*opened)) : opened.error().message;
  }
};

TEST_F(SealTest, a_ring_survives_its_file) {
  KeyRing both = of({old_key, new_key});
  auto parsed = KeyRing::parse(both.render());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->size(), 2u);
  EXPECT_EQ(parsed->newest().id, new_key.id);
  EXPECT_EQ(parsed->find(old_key.id)->bytes, old_key.bytes);
  EXPECT_EQ(parsed->find(old_key.id)->made, "2026-01-01");
  parsed->drop_old();
  EXPECT_EQ(parsed->find(old_key.id), nullptr);
}

TEST_F(SealTest, a_damaged_file_is_refused_by_line_and_tells_no_key) {
  std::string text = ring.render();
  std::string altered = text;
  altered[text.find(id_text(old_key.id)) + 20] ^= 1;
  for (const std::string& wrong :
       {altered, std::string("# head\nx"), text + text, std::string("0011 22 33\n")}) {
    auto parsed = KeyRing::parse(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_NE(parsed.error().message.find("line "), std::string::npos);
    EXPECT_LT(parsed.error().message.size(), 100u);
  }
  EXPECT_TRUE(KeyRing::parse("# nothing\n\n")->empty());
}

TEST_F(SealTest, what_was_sealed_opens_and_shows_nothing) {
  Buffer a = sealed(), b = sealed();
  EXPECT_EQ(text(open(ring, place, a)), body);
  EXPECT_EQ(as_text(a).find("password"), std::string_view::npos);
  EXPECT_NE(a, b);
  EXPECT_NE(digest_of(a), digest_of(b)) << "equal bodies must not show that they are";
  EXPECT_TRUE(check(ring, place, a));
}

TEST_F(SealTest, every_altered_byte_is_found) {
  Buffer good = sealed();
  for (size_t i = 0; i < good.size(); ++i) {
    Buffer bad = good;
    bad[i] ^= 1;
    if (!header_of(bad)) continue;  // no longer taken for sealed
    EXPECT_FALSE(open(ring, place, bad)) << i;
  }
}

TEST_F(SealTest, it_opens_in_its_place_alone) {
  Buffer a = sealed();
  EXPECT_FALSE(open(ring, {"test", 8}, a));
  EXPECT_FALSE(open(ring, {"other", 7}, a));
}

TEST_F(SealTest, a_key_that_is_not_there_is_named) {
  EXPECT_NE(text(open(of({new_key}), place, sealed())).find(id_text(old_key.id)),
            std::string::npos);
  EXPECT_NE(text(open({}, place, sealed())).find("no key is given"), std::string::npos);
}

TEST_F(SealTest, sealing_anew_keeps_body_and_digest) {
  Buffer plain(body.begin(), body.end());
  KeyRing both = of({old_key, new_key});
  for (const Buffer& before : {sealed(), plain, seal(nullptr, place, plain, fresh_of(random))}) {
    auto after = reseal(both, place, before, fresh_of(random));
    ASSERT_TRUE(after);
    EXPECT_EQ(digest_of(*after), digest_of(before));
    EXPECT_EQ(header_of(*after)->key_id, new_key.id);
    EXPECT_EQ(text(open(of({new_key}), place, *after)), body);
    EXPECT_TRUE(check(of({new_key}), place, *after));
  }
}

TEST_F(SealTest, what_is_replaced_keeps_the_digest_of_what_was) {
  Buffer before = sealed();
  Buffer after = replace(ring, place, before, as_bytes("[purged]"), fresh_of(random));
  EXPECT_EQ(digest_of(after), digest_of(before));
  EXPECT_EQ(text(open(ring, place, after)), "[purged]");
  EXPECT_TRUE(check(ring, place, after));
  Buffer keyless = replace({}, place, as_bytes(body), as_bytes("[purged]"), fresh_of(random));
  EXPECT_EQ(digest_of(keyless), digest_of(as_bytes(body)));
  EXPECT_EQ(text(open({}, place, keyless)), "[purged]");
}

TEST_F(SealTest, a_commitment_that_lies_is_found) {
  Buffer lies = seal(nullptr, place, as_bytes(body), fresh_of(random));
  lies[20] ^= 1;
  EXPECT_FALSE(check({}, place, lies));
}

}  // namespace
}  // namespace kubus::secrets
