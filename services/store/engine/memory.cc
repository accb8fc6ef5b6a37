#include "services/store/engine/memory.h"

#include "schemas/lib/base/check.h"

namespace kubus::store {

// A treap whose priorities are hashes of the keys: its shape depends on its content alone.
struct TreeNode {
  std::string key;
  std::shared_ptr<const Buffer> value;
  uint64_t priority = 0;
  Tree left, right;
};

namespace {

uint64_t priority_of(std::string_view key) {
  uint64_t h = 0xcbf29ce484222325;
  for (char c : key) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return h ^ (h >> 29);
}

Tree with(const TreeNode& node, Tree left, Tree right) {
  auto copy = std::make_shared<TreeNode>(node);
  copy->left = std::move(left);
  copy->right = std::move(right);
  return copy;
}

// Keys below `key` to the left, above it to the right; `key` itself is dropped.
std::pair<Tree, Tree> split(const Tree& tree, std::string_view key) {
  if (!tree) return {};
  if (tree->key == key) return {tree->left, tree->right};
  if (tree->key < key) {
    auto [low, high] = split(tree->right, key);
    return {with(*tree, tree->left, std::move(low)), std::move(high)};
  }
  auto [low, high] = split(tree->left, key);
  return {std::move(low), with(*tree, std::move(high), tree->right)};
}

// Every key of `low` is below every key of `high`.
Tree join(const Tree& low, const Tree& high) {
  if (!low) return high;
  if (!high) return low;
  if (low->priority >= high->priority) return with(*low, low->left, join(low->right, high));
  return with(*high, join(low, high->left), high->right);
}

std::shared_ptr<TreeNode> node_of(std::string_view key, Buffer value) {
  auto node = std::make_shared<TreeNode>();
  node->key = key;
  node->value = std::make_shared<const Buffer>(std::move(value));
  node->priority = priority_of(key);
  return node;
}

Tree put(const Tree& tree, std::shared_ptr<TreeNode> node) {
  if (!tree || node->priority > tree->priority || node->key == tree->key) {
    auto [low, high] = split(tree, node->key);
    node->left = std::move(low);
    node->right = std::move(high);
    return node;
  }
  if (node->key < tree->key) return with(*tree, put(tree->left, std::move(node)), tree->right);
  return with(*tree, tree->left, put(tree->right, std::move(node)));
}

Tree erase(const Tree& tree, std::string_view key) {
  if (!tree) return tree;
  if (tree->key == key) return join(tree->left, tree->right);
  if (key < tree->key) return with(*tree, erase(tree->left, key), tree->right);
  return with(*tree, tree->left, erase(tree->right, key));
}

const TreeNode* find(const TreeNode* at, std::string_view key) {
  while (at != nullptr && at->key != key) at = key < at->key ? at->left.get() : at->right.get();
  return at;
}
// The first node whose key is ≥ key (or, strictly, > key).
const TreeNode* first_from(const TreeNode* at, std::string_view key, bool strictly) {
  const TreeNode* best = nullptr;
  while (at != nullptr) {
    bool in = strictly ? at->key > key : at->key >= key;
    if (in) best = at;
    at = in ? at->left.get() : at->right.get();
  }
  return best;
}
const TreeNode* last_below(const TreeNode* at, std::string_view key) {
  const TreeNode* best = nullptr;
  while (at != nullptr) {
    bool in = at->key < key;
    if (in) best = at;
    at = in ? at->right.get() : at->left.get();
  }
  return best;
}

class MemoryCursor : public Cursor {
 public:
  explicit MemoryCursor(const TreeNode* root) : root_(root) {}
  void lower_bound(ByteView key) override { at_ = first_from(root_, as_text(key), false); }
  void last() override {
    at_ = root_;
    while (at_ != nullptr && at_->right) at_ = at_->right.get();
  }
  void next() override { at_ = first_from(root_, at_->key, true); }
  void prev() override { at_ = last_below(root_, at_->key); }
  bool valid() const override { return at_ != nullptr; }
  ByteView key() const override { return as_bytes(at_->key); }
  ByteView value() const override { return *at_->value; }

 private:
  const TreeNode* root_;
  const TreeNode* at_ = nullptr;
};

class MemorySnapshot : public Snapshot {
 public:
  explicit MemorySnapshot(std::array<Tree, kKeyspaces> roots) : roots_(std::move(roots)) {}
  std::optional<ByteView> get(Keyspace space, ByteView key) const override {
    const TreeNode* node = find(roots_[static_cast<size_t>(space)].get(), as_text(key));
    if (node == nullptr) return std::nullopt;
    return ByteView(*node->value);
  }
  std::unique_ptr<Cursor> cursor(Keyspace space) const override {
    return std::make_unique<MemoryCursor>(roots_[static_cast<size_t>(space)].get());
  }

 private:
  std::array<Tree, kKeyspaces> roots_;
};

class MemoryEngine : public Engine {
 public:
  explicit MemoryEngine(std::shared_ptr<MemoryTables> tables) : tables_(std::move(tables)) {}

  Result<std::shared_ptr<const Snapshot>> snapshot() const override {
    return std::shared_ptr<const Snapshot>(std::make_shared<MemorySnapshot>(tables_->roots()));
  }

  Status write(std::span<const Put> puts) override {
    if (std::string failure = tables_->failure(); !failure.empty())
      return Error(Code::kUnavailable, failure);
    auto roots = tables_->roots();
    for (const Put& p : puts) {
      KUBUS_CHECK(!p.key.empty() && p.key.size() <= kMaxKey);
      Tree& root = roots[static_cast<size_t>(p.space)];
      if (p.erase) {
        root = erase(root, as_text(p.key));
        continue;
      }
      root = put(root, node_of(as_text(p.key), Buffer(p.value.begin(), p.value.end())));
    }
    tables_->set_roots(std::move(roots));
    return {};
  }

  Status scrub() override { return {}; }

  EngineUsage usage() const override { return {0, uint64_t{1} << 40, uint64_t{1} << 40}; }

 private:
  std::shared_ptr<MemoryTables> tables_;
};

}  // namespace

std::array<Tree, kKeyspaces> MemoryTables::roots() const {
  std::lock_guard lock(mutex_);
  return roots_;
}
void MemoryTables::set_roots(std::array<Tree, kKeyspaces> roots) {
  std::lock_guard lock(mutex_);
  roots_ = std::move(roots);
}
void MemoryTables::set_failure(std::string failure) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(failure);
}
std::string MemoryTables::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}
bool MemoryTables::rot(Keyspace space, std::string_view key, size_t at) {
  std::lock_guard lock(mutex_);
  Tree& root = roots_[static_cast<size_t>(space)];
  const TreeNode* node = find(root.get(), key);
  if (node == nullptr || at >= node->value->size()) return false;
  Buffer value = *node->value;
  value[at] ^= 0x10;
  root = put(root, node_of(key, std::move(value)));
  return true;
}

std::unique_ptr<Engine> open_memory(std::shared_ptr<MemoryTables> tables) {
  return std::make_unique<MemoryEngine>(std::move(tables));
}

}  // namespace kubus::store
