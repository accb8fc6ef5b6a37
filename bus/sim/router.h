// Who hears what: the patterns of all subscriptions, by token, so that finding a message's
// receivers costs its tokens and its receivers, not the subscriptions. Internal to this folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubus::bus::sim {

template <class T>
class Router {
 public:
  // In the order of `serial`, which is unlike any other's.
  struct Receiver {
    uint64_t serial;
    T what;
  };

  void add(std::string_view pattern, uint64_t serial, T what) {
    Node* node = &root_;
    for (std::string_view rest = pattern; !rest.empty();) {
      std::string_view token = next_token(&rest);
      if (token == ">") return node->rest.push_back({serial, std::move(what)});
      auto& child = token == "*" ? node->any : node->by_token[std::string(token)];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
    node->here.push_back({serial, std::move(what)});
  }

  void remove(std::string_view pattern, uint64_t serial) { drop(&root_, pattern, serial); }

  std::vector<Receiver> receivers(std::string_view subject) const {
    std::vector<Receiver> out;
    collect(root_, subject, &out);
    std::sort(out.begin(), out.end(),
              [](const Receiver& a, const Receiver& b) { return a.serial < b.serial; });
    return out;
  }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> by_token;
    std::unique_ptr<Node> any;
    std::vector<Receiver> here, rest;
    bool empty() const { return by_token.empty() && !any && here.empty() && rest.empty(); }
  };

  static std::string_view next_token(std::string_view* rest) {
    size_t dot = std::min(rest->find('.'), rest->size());
    std::string_view token = rest->substr(0, dot);
    rest->remove_prefix(std::min(dot + 1, rest->size()));
    return token;
  }
  static Node* find(const Node& node, std::string_view token) {
    auto found = node.by_token.find(token);
    return found == node.by_token.end() ? nullptr : found->second.get();
  }
  static void drop(Node* node, std::string_view rest, uint64_t serial) {
    auto is_it = [serial](const Receiver& r) { return r.serial == serial; };
    if (rest.empty()) return (void)std::erase_if(node->here, is_it);
    std::string_view token = next_token(&rest);
    if (token == ">") return (void)std::erase_if(node->rest, is_it);
    if (token == "*") {
      if (node->any) drop(node->any.get(), rest, serial);
      if (node->any && node->any->empty()) node->any.reset();
      return;
    }
    auto found = node->by_token.find(token);
    if (found == node->by_token.end()) return;
    drop(found->second.get(), rest, serial);
    if (found->second->empty()) node->by_token.erase(found);
  }
  static void collect(const Node& node, std::string_view rest, std::vector<Receiver>* out) {
    if (rest.empty()) return (void)out->insert(out->end(), node.here.begin(), node.here.end());
    out->insert(out->end(), node.rest.begin(), node.rest.end());
    std::string_view token = next_token(&rest);
    if (const Node* child = find(node, token)) collect(*child, rest, out);
    if (node.any) collect(*node.any, rest, out);
  }

  Node root_;
};

}  // namespace kubus::bus::sim
