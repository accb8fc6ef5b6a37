// The stored form: preorder. A node is one byte (step kind, member?, children?), a varint length
// and the step's text without its prefix; after the last child stands kEnd. The root has no node of
// its own.
#include <array>

#include "schemas/lib/patch/fieldset.h"

namespace kubus::patch {
namespace {

constexpr std::array<char, 4> kKinds = {'f', 'k', 'v', 'i'};
constexpr uint8_t kMember = 0x04;
constexpr uint8_t kChildren = 0x08;
constexpr uint8_t kEnd = 0x80;
constexpr int kMaxDepth = 128;

uint8_t kind_code(char c) {
  for (uint8_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == c) return i;
  }
  return 0;
}

void put_varint(size_t n, Buffer* out) {
  for (; n >= 0x80; n >>= 7) out->push_back(static_cast<uint8_t>(n | 0x80));
  out->push_back(static_cast<uint8_t>(n));
}

void put_children(const FieldSet& set, Buffer* out) {
  for (const auto& [step, child] : set.steps) {
    uint8_t head = kind_code(step.front());
    if (child.member) head |= kMember;
    if (!child.steps.empty()) head |= kChildren;
    out->push_back(head);
    put_varint(step.size() - 2, out);
    out->insert(out->end(), step.begin() + 2, step.end());
    if (!child.steps.empty()) put_children(child, out);
  }
  out->push_back(kEnd);
}

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  bool children(FieldSet* into, int depth) {
    if (depth > kMaxDepth) return false;
    for (;;) {
      if (at_ >= bytes_.size()) return false;
      uint8_t head = bytes_[at_++];
      if (head == kEnd) return true;
      if ((head & ~(0x03 | kMember | kChildren)) != 0 || !child(head, into, depth)) return false;
    }
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  bool varint(size_t* n) {
    *n = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (at_ >= bytes_.size()) return false;
      uint8_t b = bytes_[at_++];
      *n |= static_cast<size_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return true;
    }
    return false;
  }

  bool child(uint8_t head, FieldSet* into, int depth) {
    size_t length = 0;
    if (!varint(&length) || length > bytes_.size() - at_) return false;
    std::string step = {kKinds[head & 0x03], ':'};
    step.append(as_text(bytes_.subspan(at_, length)));
    at_ += length;
    // As written: in order, each once, and none that says nothing.
    if (!into->steps.empty() && into->steps.rbegin()->first >= step) return false;
    FieldSet& node =
        into->steps.emplace_hint(into->steps.end(), std::move(step), FieldSet())->second;
    node.member = (head & kMember) != 0;
    if ((head & kChildren) == 0) return node.member;
    return children(&node, depth + 1) && !node.steps.empty();
  }

  ByteView bytes_;
  size_t at_ = 0;
};

}  // namespace

void FieldSet::to_compact(Buffer* out) const {
  put_children(*this, out);
}

Result<FieldSet> FieldSet::from_compact(ByteView bytes) {
  FieldSet set;
  Reader reader(bytes);
  if (!reader.children(&set, 0) || !reader.done()) {
    return Error(Code::kBadRequest, "malformed compact field set");
  }
  return set;
}

}  // namespace kubus::patch
