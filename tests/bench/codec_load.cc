// JSON ⇄ FlatBuffer of one Pod. usage: codec-load POD.json ROUNDS
// Prints microseconds a conversion: the median of a hundred equal parts of the rounds.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "schemas/lib/codec/codec.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;

template <class F>
double median_us(int rounds, F&& once) {
  constexpr int kParts = 100;
  std::vector<int64_t> parts;
  for (int p = 0; p < kParts; ++p) {
    int64_t began = now_ns();
    for (int i = 0; i < rounds / kParts; ++i) once();
    parts.push_back(now_ns() - began);
  }
  return percentile_ms(parts, 0.5) * 1000 * kParts / rounds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::ifstream in(argv[1]);
  std::string text(std::istreambuf_iterator<char>(in), {});
  const schema::KindInfo& pods = *schema::Registry::get().by_resource("", "pods");
  int rounds = std::atoi(argv[2]);
  auto object = codec::from_json(pods, text, nullptr);
  if (!object) {
    std::fprintf(stderr, "%s\n", object.error().message.c_str());
    return 1;
  }
  size_t check = 0;
  double decode =
      median_us(rounds, [&] { check += codec::from_json(pods, text, nullptr)->size(); });
  std::string out;
  double encode = median_us(rounds, [&] {
    out.clear();
    codec::to_json(pods, *object, {}, &out);
    check += out.size();
  });
  std::printf(
      "{\"decode_us\": %.2f, \"encode_us\": %.2f, \"json_bytes\": %zu, \"fb_bytes\": %zu, "
      "\"check\": %zu}\n",
      decode, encode, text.size(), object->size(), check);
}
