// Bearer tokens of service accounts: who speaks, if the signature is good, the time is right and
// what the token is bound to is still there. The store is asked for that at most once in ten
// seconds for each token. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "bus/kit/client.h"
#include "bus/ports/ports.h"
#include "schemas/lib/token/token.h"
#include "services/gateway/http/http.h"

namespace kubus::gateway {

class Tokens {
 public:
  using Done = std::function<void(Result<Peer>)>;

  // `key` null: every token is refused.
  Tokens(bus::Ports ports, kit::Client& client, std::unique_ptr<token::Verifier> key);
  ~Tokens();
  // Calls `done` once, now or later. kUnauthorized: it is nobody's; kUnavailable, kTimeout: the
  // store could not be asked.
  void authenticate(const std::string& bearer, Done done);

 private:
  struct Known {
    Peer peer;
    int64_t ends = 0;    // the token's own end, unix seconds
    bus::Instant asked;  // when the store was
    std::string account_uid, pod_uid;
    ObjectKey account, pod;  // pod without a name: the token is not bound
  };

  Result<Known> read(const std::string& bearer) const;
  void ask(const std::string& bearer, std::shared_ptr<Known> known, Done done);
  void ask_pod(const std::string& bearer, std::shared_ptr<Known> known, Done done);
  void keep(const std::string& bearer, const Known& known);

  bus::Ports ports_;
  kit::Client& client_;
  std::unique_ptr<token::Verifier> key_;
  std::map<std::string, Known> known_;  // by token
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::gateway
