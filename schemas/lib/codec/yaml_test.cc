#include "schemas/lib/codec/yaml.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace kubus::codec {
namespace {

// The only document, as JSON text; or what is wrong.
std::string as_json(std::string_view yaml) {
  auto documents = parse_yaml(yaml);
  if (!documents) return documents.error().message;
  if (documents->size() != 1) return std::to_string(documents->size()) + " documents";
  return json::serialize(documents->front().value);
}

TEST(ParseYaml, NamesLineAndColumn) {
  auto d = parse_yaml("a: 1\nb:\n  - c: [1, 2\nd: 3\n");
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().code, Code::kBadRequest);
  EXPECT_EQ(d.error().message.rfind("line 4, column 2: ", 0), 0u) << d.error().message;
  d = parse_yaml("a: b: c\n");
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().message.rfind("line 1, column 5: ", 0), 0u) << d.error().message;
  d = parse_yaml("a: 1\n\tb: 2\n");
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().message.rfind("line 2, column ", 0), 0u) << d.error().message;
  d = parse_yaml("a: *nowhere\n");
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().message.rfind("line 1, column ", 0), 0u) << d.error().message;
}

TEST(ParseYaml, ReadsManyDocumentsAndLeavesEmptyOnesOut) {
  auto d = parse_yaml("# top\n---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n");
  ASSERT_TRUE(d.ok()) << d.error().message;
  ASSERT_EQ(d->size(), 2u);
  EXPECT_EQ((*d)[0].value.at("a"), 1);
  EXPECT_EQ((*d)[0].line, 4);
  EXPECT_EQ((*d)[1].value.at("b"), 2);
  EXPECT_EQ((*d)[1].line, 8);
  for (const char* empty : {"", "\n\n", "---\n", "# only words\n", "null\n", "~"}) {
    d = parse_yaml(empty);
    ASSERT_TRUE(d.ok()) << empty;
    EXPECT_TRUE(d->empty()) << empty;
  }
}

TEST(ParseYaml, JsonIsYaml) {
  EXPECT_EQ(as_json(R"({"a": [1, "2", null, true], "b": {"c": "x: y"}})"),
            R"({"a":[1,"2",null,true],"b":{"c":"x: y"}})");
}

TEST(ParseYaml, PlainScalarsAreReadAsManifestsMeanThem) {
  EXPECT_EQ(as_json("[yes, No, ON, off, true, False]"), "[true,false,true,false,true,false]");
  EXPECT_EQ(as_json("[y, n, tRUE, yess]"), R"(["y","n","tRUE","yess"])");
  EXPECT_EQ(as_json("[~, null, Null, NULL]"), "[null,null,null,null]");
  EXPECT_EQ(as_json("a:"), R"({"a":null})");
  EXPECT_EQ(as_json("[0644, 0o644, 0x1F, 0b101, 08, 0, -7, +7]"), "[420,420,31,5,8,0,-7,7]");
  EXPECT_EQ(as_json("[1.5, .5, 1e3, -2.5e-1]"), "[1.5E0,5E-1,1E3,-2.5E-1]");
  EXPECT_EQ(as_json("[9223372036854775807, 18446744073709551615, -9223372036854775807]"),
            "[9223372036854775807,18446744073709551615,-9223372036854775807]");
  EXPECT_EQ(as_json("[1.2.3, 1Gi, 10.0.0.0/8, 2026-11-23T05:00:00Z, 12:30, '-', e, ., 1e, 0x]"),
            R"(["1.2.3","1Gi","10.0.0.0/8","2026-11-23T05:00:00Z","12:30","-","e",".","1e","0x"])");
}

TEST(ParseYaml, QuotedScalarsAreStrings) {
  EXPECT_EQ(as_json(R"(['yes', "no", '1', "0644", 'null', "", '~'])"),
            R"(["yes","no","1","0644","null","","~"])");
  EXPECT_EQ(as_json("a: !!str 12"), R"({"a":"12"})");
  EXPECT_EQ(as_json(R"("a\tb\u00e9": 'it''s')"), "{\"a\\tb\xc3\xa9\":\"it's\"}");
}

TEST(ParseYaml, BlockScalarsAreStrings) {
  EXPECT_EQ(as_json("a: |\n  x\n  y\nb: >\n  x\n  y\nc: |-\n  1\nd: |+\n  z\n\n"),
            R"({"a":"x\ny\n","b":"x y\n","c":"1","d":"z\n\n"})");
}

TEST(ParseYaml, KeysAreStrings) {
  EXPECT_EQ(as_json("{1: a, true: b, null: c}"), R"({"1":"a","true":"b","null":"c"})");
  EXPECT_NE(as_json("{[a]: b}").find("line 1, column 2: "), std::string::npos);
}

TEST(ParseYaml, ResolvesAnchorsAndMergeKeys) {
  EXPECT_EQ(as_json("a: &x {k: 1, l: 2}\nb: *x\n"), R"({"a":{"k":1,"l":2},"b":{"k":1,"l":2}})");
  EXPECT_EQ(as_json("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n"),
            R"({"a":{"k":1,"l":2},"b":{"l":3,"k":1}})");
  EXPECT_EQ(as_json("- &x {k: 1}\n- &y {k: 2, m: 2}\n- <<: [*x, *y]\n"),
            R"([{"k":1},{"k":2,"m":2},{"k":1,"m":2}])");
  EXPECT_EQ(as_json("'<<': {k: 1}"), R"({"<<":{"k":1}})");
}

TEST(ParseYaml, TellsOfDuplicateKeys) {
  auto d = parse_yaml("a: 1\nb:\n  c: 1\n  c: 2\n");
  ASSERT_TRUE(d.ok());
  EXPECT_EQ(d->at(0).value.at("b").at("c"), 2);
  ASSERT_EQ(d->at(0).problems.size(), 1u);
  EXPECT_EQ(d->at(0).problems[0].message, R"(line 4: duplicate field "c")");
}

TEST(ParseYaml, RefusesToExpandWithoutBound) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  auto d = parse_yaml(bomb);
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().code, Code::kTooLarge);
}

TEST(ParseYaml, RefusesDepthWithoutBound) {
  EXPECT_TRUE(parse_yaml(std::string(100, '[') + std::string(100, ']')).ok());
  for (size_t n : {300u, 200'000u}) {
    EXPECT_FALSE(parse_yaml(std::string(n, '[') + std::string(n, ']')).ok()) << n;
    EXPECT_FALSE(parse_yaml(std::string(n, '[')).ok()) << n;
    EXPECT_FALSE(parse_yaml(std::string(n, '{')).ok()) << n;
  }
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_FALSE(parse_yaml(dashes + "x").ok());
}

TEST(ParseYaml, EndsOnWhatNoDocumentBeginsWith) {
  for (const char* text : {",", ", a", "--- ,", "a: 1\n---\n,", "- a\n--- , ,\n--- b"}) {
    EXPECT_FALSE(parse_yaml(text).ok()) << text;
  }
  for (const char* text :
       {"%", "|", "'", "!", ":", "&: ", "a ]", "a\n]", "a\n}", "--- ---", "..."}) {
    auto d = parse_yaml(text);
    EXPECT_TRUE(!d.ok() || d->size() <= 2) << text;
  }
}

TEST(ParseYaml, RefusesWhatIsNoUtf8) {
  EXPECT_FALSE(parse_yaml("a: \"\xff\xfe\"").ok());
  EXPECT_FALSE(parse_yaml("a: \xc0\xaf").ok());
}

TEST(ToYaml, IsReadBackAsItWas) {
  for (
      const char* text :
      {R"({"a":1,"b":"x","c":[1,2],"d":{"e":[]},"f":{}})", R"([])", R"({})", R"("x")", "1",
       R"([[1,[2]],[{"a":1,"b":2},{"c":[{"d":"e"}]}]])",
       R"({"script":"#!/bin/sh\nset -e\n  echo \"hi\"\n","two":"a\n\nb\n\n","open":"a\nb"})",
       R"({"lead":"  x\ny\n","trail":"a \nb\n","nl":"\n","nls":"\n\n","tab":"\tx\n\ty\n"})",
       R"({"s":["1","1.5","true","yes","on","null","~","","0644","0x1F","1e3",".5","-","- a"]})",
       R"({"s":["a: b","a #b","#b","a:","*x","&x","!t","|",">","%","@","`","{a}","[a]","?","? a"]})",
       R"({"s":["'q'","\"q\"","back\\slash","é","日本","\u0000","\u001b[0m","\u007f"," x","x "]})",
       R"({"s":["=","<<","---","...","2026-11-23","10.0.0.1","1Gi","a,b","a]b","y","n","-1","--- x"]})",
       R"({"1":"a","true":"b","":"c","a b":"d","x: y":"e","- z":"f","#":"g","multi\nline":"h"})",
       R"({"n":[9223372036854775807,-9223372036854775808,18446744073709551615,1.5,null,true]})",
       R"({"block in list":["x\ny\n",{"k":"a\nb"}],"crlf":"a\r\nb\r\n"})",
       R"({"keep":["a\n\n\n",1],"after":"z"})", R"({"s":"\u0085 \u2028 \ufeff"})"}) {
    json::value v = json::parse(text);
    std::string yaml = to_yaml(v);
    EXPECT_EQ(as_json(yaml), json::serialize(v)) << yaml;
  }
}

TEST(ToYaml, IsWrittenForPeople) {
  json::value v = json::parse(
      R"({"kind":"Pod","metadata":{"name":"web","labels":{"app":"x"}},"spec":{"containers":
          [{"name":"c","args":["a","-v"],"command":["sh"]}],"text":"a\nb\n","port":"80"}})");
  EXPECT_EQ(to_yaml(v),
            "kind: Pod\nmetadata:\n  name: web\n  labels:\n    app: x\nspec:\n  containers:\n"
            "  - name: c\n    args:\n    - a\n    - -v\n    command:\n    - sh\n"
            "  text: |\n    a\n    b\n  port: \"80\"\n");
}

TEST(Yaml, ZerosAreNoOtherEncoding) {
  using std::string_view_literals::operator""sv;
  for (std::string_view text : {"\0a\0:"sv, "\0\0\0a"sv, "a\0:\0 \0b\0"sv, "a: b\0"sv})
    EXPECT_FALSE(parse_yaml(text)) << text;
}

}  // namespace
}  // namespace kubus::codec
