// Runs a fuzz target without libFuzzer, the same way each time: first every kept input, then inputs
// mutated from them by a seed.
//
//   fuzz-NAME [--runs N] [--seed S] [--dictionary FILE] FILE|FOLDER…
//
// When a run ends the process, its input is left in ./crash-NAME.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/input.h"

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kMostBytes = 16 << 10;
constexpr int kMostSteps = 6;

Bytes g_now;               // what is being tried
std::string g_crash_path;  // where it goes

extern "C" void on_death(int signal) {
  int fd = open(g_crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0) {
    ssize_t written = write(fd, g_now.data(), g_now.size());
    close(fd);
    if (written >= 0) {
      const char text[] = "\nthe input is in ./crash-…\n";
      written = write(STDERR_FILENO, text, sizeof text - 1);
    }
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*)());
void on_sanitizer_death() {
  on_death(SIGABRT);
}
#endif

void run(Bytes input) {
  g_now = std::move(input);
  LLVMFuzzerTestOneInput(g_now.data(), g_now.size());
}

class Mutator {
 public:
  Mutator(uint32_t seed, std::vector<Bytes> corpus, std::vector<Bytes> words)
      : random_(seed), corpus_(std::move(corpus)), words_(std::move(words)) {
    if (corpus_.empty()) corpus_.push_back({});
  }

  Bytes next() {
    Bytes out = corpus_[below(corpus_.size())];
    for (size_t steps = 1 + below(kMostSteps); steps > 0; --steps) step(&out);
    if (out.size() > kMostBytes) out.resize(kMostBytes);
    return out;
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  size_t place(const Bytes& b) { return below(b.size() + 1); }
  void insert(Bytes* b, const Bytes& what) {
    b->insert(b->begin() + static_cast<ptrdiff_t>(place(*b)), what.begin(), what.end());
  }
  Bytes piece(const Bytes& from) {
    size_t begin = place(from), end = place(from);
    if (begin > end) std::swap(begin, end);
    return {from.begin() + static_cast<ptrdiff_t>(begin),
            from.begin() + static_cast<ptrdiff_t>(end)};
  }
  void drop(Bytes* b, size_t most) {
    size_t begin = place(*b), n = std::min(b->size() - begin, 1 + below(most));
    b->erase(b->begin() + static_cast<ptrdiff_t>(begin),
             b->begin() + static_cast<ptrdiff_t>(begin + n));
  }
  void step(Bytes* b) {
    static constexpr uint8_t kOdd[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\\', '{', '[', '\n', ' ', '-'};
    switch (below(9)) {
      case 0:
        if (!b->empty()) (*b)[below(b->size())] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        if (!b->empty()) (*b)[below(b->size())] = kOdd[below(std::size(kOdd))];
        break;
      case 2:
        if (!b->empty()) (*b)[below(b->size())] = static_cast<uint8_t>(random_());
        break;
      case 3:
        drop(b, 4);
        break;
      case 4:
        drop(b, 64);
        break;
      case 5:
        insert(b, {static_cast<uint8_t>(random_())});
        break;
      case 6:
        insert(b, piece(*b));
        break;
      case 7:
        insert(b, piece(corpus_[below(corpus_.size())]));
        break;
      default:
        if (!words_.empty()) insert(b, words_[below(words_.size())]);
    }
  }

  std::mt19937 random_;
  std::vector<Bytes> corpus_, words_;
};

Bytes read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// In order of names, so that a seed means the same everywhere.
std::vector<Bytes> read_all(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {read(path)};
  std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(path), {});
  std::sort(files.begin(), files.end());
  std::vector<Bytes> out;
  for (const auto& file : files) out.push_back(read(file));
  return out;
}

// Lines of libFuzzer's form: "word" with \xNN, \\ and \" in it.
std::vector<Bytes> read_words(const std::string& path) {
  std::vector<Bytes> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    size_t begin = line.find('"'), end = line.rfind('"');
    if (line.starts_with('#') || begin == end) continue;
    Bytes word;
    for (size_t i = begin + 1; i < end; ++i) {
      if (line[i] != '\\') {
        word.push_back(static_cast<uint8_t>(line[i]));
      } else if (line[++i] == 'x') {
        word.push_back(static_cast<uint8_t>(std::stoi(line.substr(i + 1, 2), nullptr, 16)));
        i += 2;
      } else {
        word.push_back(static_cast<uint8_t>(line[i]));
      }
    }
    out.push_back(std::move(word));
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  size_t runs = 0;
  uint32_t seed = 1;
  std::vector<Bytes> corpus, words;
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i];
    if (option == "--runs" && i + 1 < argc)
      runs = std::strtoull(argv[++i], nullptr, 10);
    else if (option == "--seed" && i + 1 < argc)
      seed = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    else if (option == "--dictionary" && i + 1 < argc)
      words = read_words(argv[++i]);
    else
      for (Bytes& b : read_all(option)) corpus.push_back(std::move(b));
  }
  g_crash_path = "crash-" + std::filesystem::path(argv[0]).filename().string();
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM})
    std::signal(signal, on_death);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(on_sanitizer_death);
#endif
  for (const Bytes& b : corpus) run(b);
  Mutator mutator(seed, corpus, std::move(words));
  for (size_t i = 0; i < runs; ++i) run(mutator.next());
  std::printf("%zu kept inputs, %zu mutated ones\n", corpus.size(), runs);
  return 0;
}
