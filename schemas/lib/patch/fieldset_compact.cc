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

// Reads the form as it is written: steps in order, each once, and none that says nothing.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  // `into` null: only looks whether it is sound.
  bool children(FieldSet* into, int depth, bool* any) {
    if (depth > kMaxDepth) return false;
    char last_kind = 0;
    std::string_view last;
    for (*any = false;; *any = true) {
      if (at_ >= bytes_.size()) return false;
      uint8_t head = bytes_[at_++];
      if (head == kEnd) return true;
      if ((head & ~(0x03 | kMember | kChildren)) != 0) return false;
      size_t length = 0;
      if (!varint(&length) || length > bytes_.size() - at_) return false;
      char kind = kKinds[head & 0x03];
      std::string_view text = as_text(bytes_.subspan(at_, length));
      at_ += length;
      bool follows = kind > last_kind || (kind == last_kind && text > last);
      if (*any && !follows) return false;
      last_kind = kind;
      last = text;
      if (!child(head, text, into, depth)) return false;
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

  bool child(uint8_t head, std::string_view text, FieldSet* into, int depth) {
    FieldSet* node = nullptr;
    if (into != nullptr) {
      std::string step = {kKinds[head & 0x03], ':'};
      step.append(text);
      node = &into->steps.emplace_hint(into->steps.end(), std::move(step), FieldSet())->second;
      node->member = (head & kMember) != 0;
    }
    if ((head & kChildren) == 0) return (head & kMember) != 0;
    bool any = false;
    return children(node, depth + 1, &any) && any;
  }

  ByteView bytes_;
  size_t at_ = 0;
};

bool read(ByteView bytes, FieldSet* into) {
  Reader reader(bytes);
  bool any = false;
  return reader.children(into, 0, &any) && reader.done();
}

// What no FieldsV1 begins with.
constexpr char kOpaque = '\0';

}  // namespace

void FieldSet::to_compact(Buffer* out) const {
  put_children(*this, out);
}

Result<FieldSet> FieldSet::from_compact(ByteView bytes) {
  FieldSet set;
  if (!read(bytes, &set)) return Error(Code::kBadRequest, "malformed compact field set");
  return set;
}

json::string FieldSet::opaque(ByteView compact, json::storage_ptr sp) {
  static constexpr uint8_t kNothing[] = {kEnd};
  if (!read(compact, nullptr)) compact = kNothing;
  json::string out(std::move(sp));
  out.reserve(1 + compact.size());
  out.push_back(kOpaque);
  out.append(json::string_view(as_text(compact).data(), compact.size()));
  return out;
}

std::optional<ByteView> FieldSet::compact_in(const json::value& fields) {
  const json::string* text = fields.if_string();
  if (text == nullptr || text->empty() || text->front() != kOpaque) return std::nullopt;
  ByteView compact = as_bytes(std::string_view(text->data(), text->size())).subspan(1);
  return read(compact, nullptr) ? std::optional(compact) : std::nullopt;
}

}  // namespace kubus::patch
