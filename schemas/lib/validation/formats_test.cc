#include <gtest/gtest.h>

#include "schemas/lib/validation/validation.h"

namespace kubus::validation {
namespace {

using Check = std::string (*)(std::string_view);

void expect(Check check, std::initializer_list<std::string> good,
            std::initializer_list<std::string> bad) {
  for (const std::string& s : good) EXPECT_EQ(check(s), "") << s;
  for (const std::string& s : bad) EXPECT_NE(check(s), "") << s;
}

TEST(Formats, Names) {
  std::string x63(63, 'x'), x64(64, 'x');
  expect(check_dns1123_label, {"a", "0", "a-b", "a--b", x63},
         {"", "A", "-a", "a-", "a.b", "a_b", x64, "ü"});
  expect(check_dns1123_subdomain, {"a", "a.b", "1.2-3.c", std::string(253, 'a')},
         {"", ".", "a.", ".a", "a..b", "a.-b", "A.b", "a/b", std::string(254, 'a')});
  expect(check_dns1035_label, {"a", "a1"}, {"1a", "", "a."});
  expect(check_port_name, {"http", "a-1", "1a"},
         {"", "80", "a--b", "-a", "a-", "HTTP", "abcdefghijklmnop"});
}

TEST(Formats, LabelsAndKeys) {
  std::string x63(63, 'x'), x64(64, 'x');
  expect(check_qualified_name, {"a", "A_b.c-d", "example.com/x", x63, "1"},
         {"", "/a", "a/", "a/b/c", "a b", "-a", "a-", "UP.com/x", x64});
  expect(check_label_value, {"", "a", "A.b_c-1", x63}, {"a b", "-a", "a-", "a/b", x64});
  expect(check_config_key, {"a", "a.b", ".x", "_-"}, {"", ".", "..", "..a", "a b", "a/b"});
  expect(check_env_name, {"A", "a.b", "a b", "1"}, {"", "a=b", "a\n"});
}

TEST(Formats, Addresses) {
  expect(check_ip, {"1.2.3.4", "::1", "fd00::a"},
         {"", "1.2.3", "1.2.3.256", "x", "1.2.3.4/8", "::g"});
  expect(check_cidr, {"10.0.0.0/8", "::/0", "1.2.3.4/32"},
         {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "/8", "1.2.3.4/8x"});
  EXPECT_NE(check_format("absolute-path", "x"), "");
  EXPECT_EQ(check_format("no-such-format", "anything"), "");
}

}  // namespace
}  // namespace kubus::validation
