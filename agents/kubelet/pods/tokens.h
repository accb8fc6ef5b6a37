// Tokens of the ServiceAccounts that this node's Pods act as: asked for when a Pod needs them,
// again when four fifths of their time have passed. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agents/kubelet/pods/references.h"
#include "bus/kit/client.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

// The tokens that a Pod's projected volumes show.
std::set<TokenKey> token_keys(const Object& pod);

class TokenCache {
 public:
  TokenCache(bus::Ports ports, kit::Client& client) : ports_(ports), client_(client) {}

  // Asks for what is missing or due; `done` in a later turn, or at once if nothing is. Without an
  // answer the old ones stay.
  void fetch(const Object& pod, std::function<void()> done);
  TokenLookup lookup(const std::string& pod_uid) const;
  // When the first of the Pod's tokens is due; 0: it has none.
  int64_t due(const std::string& pod_uid) const;
  void forget(const std::string& pod_uid);

 private:
  struct Token {
    std::string text, error;
    int64_t due = 0, ends = 0;  // unix nanoseconds
  };
  void ask(const Object& pod, const TokenKey& key, std::function<void()> done);
  void on_token(const std::string& uid, const TokenKey& key, const Result<kit::Answer>& answer);

  bus::Ports ports_;
  kit::Client& client_;
  std::map<std::string, std::map<TokenKey, Token>> tokens_;  // by uid of the Pod
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
