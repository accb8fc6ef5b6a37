// Texts as numbers: label keys and values, taints, images, resources. The same text has the same
// number for as long as its Names lives; nothing is forgotten before.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kubus::scheduler {

using NameId = uint32_t;
inline constexpr NameId kNoName = 0;  // the number of ""

class Names {
 public:
  Names() { intern(""); }
  Names(const Names&) = delete;
  Names(Names&&) = default;
  Names& operator=(Names&&) = default;

  NameId intern(std::string_view text) {
    auto at = ids_.find(text);
    if (at != ids_.end()) return at->second;
    texts_.emplace_back(text);
    auto id = static_cast<NameId>(texts_.size() - 1);
    ids_.emplace(texts_.back(), id);
    return id;
  }
  // kNoName: no such text is known.
  NameId find(std::string_view text) const {
    auto at = ids_.find(text);
    return at == ids_.end() ? kNoName : at->second;
  }
  const std::string& text(NameId id) const { return texts_[id]; }
  size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // never moved: ids_ looks into them
  std::unordered_map<std::string_view, NameId> ids_;
};

}  // namespace kubus::scheduler
