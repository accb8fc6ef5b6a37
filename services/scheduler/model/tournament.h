// The best of many scores that change one at a time: each change costs the logarithm of their
// number, and of those that tie any may be asked for. Pure.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace kubus::scheduler {

class Tournament {
 public:
  static constexpr int32_t kOut = -1;  // the score of who takes no part

  // Scores of 0 … scores.size() - 1.
  explicit Tournament(const std::vector<int32_t>& scores)
      : leaves_(std::bit_ceil(std::max<size_t>(1, scores.size()))), matches_(2 * leaves_) {
    for (size_t i = 0; i < scores.size(); ++i) matches_[leaves_ + i] = leaf(scores[i]);
    for (size_t i = leaves_; i-- > 1;) matches_[i] = play(matches_[2 * i], matches_[2 * i + 1]);
  }

  void set(uint32_t who, int32_t score) { set_match(leaves_ + who, leaf(score)); }
  // `who` stands for so many that tie among themselves.
  void set(uint32_t who, int32_t score, uint32_t ties) {
    set_match(leaves_ + who, {score, score == kOut ? 0u : ties});
  }
  int32_t best() const { return matches_[1].best; }  // kOut: nobody takes part
  uint32_t ties() const { return matches_[1].ties; }
  int32_t score(uint32_t who) const { return matches_[leaves_ + who].best; }
  // The one with the best score that has `which` others of that score before it. `left`: which of
  // those that it stands for.
  uint32_t winner(uint32_t which, uint32_t* left = nullptr) const {
    size_t i = 1;
    while (i < leaves_) {
      const Match& first = matches_[2 * i];
      bool goes_left = first.best == matches_[i].best && which < first.ties;
      if (!goes_left && first.best == matches_[i].best) which -= first.ties;
      i = 2 * i + (goes_left ? 0 : 1);
    }
    if (left) *left = which;
    return static_cast<uint32_t>(i - leaves_);
  }

 private:
  struct Match {
    int32_t best = kOut;
    uint32_t ties = 0;
    friend bool operator==(const Match&, const Match&) = default;
  };
  static Match leaf(int32_t score) { return {score, score == kOut ? 0u : 1u}; }
  static Match play(const Match& a, const Match& b) {
    if (a.best != b.best) return a.best > b.best ? a : b;
    return {a.best, a.ties + b.ties};
  }

  void set_match(size_t i, Match match) {
    if (matches_[i] == match) return;
    matches_[i] = match;
    while (i /= 2) matches_[i] = play(matches_[2 * i], matches_[2 * i + 1]);
  }

  size_t leaves_;
  std::vector<Match> matches_;  // of 2i and 2i + 1, down to the leaves
};

}  // namespace kubus::scheduler
