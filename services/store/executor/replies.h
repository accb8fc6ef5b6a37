// Answers on their way out: gathered while a turn runs, one message for each reply subject. Bodies
// are not copied before they are written into the message. Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "services/store/audit/audit_log.h"
#include "services/store/state/view.h"

namespace kubus::store {

// wire::Outcome before it is written.
struct OutcomeData {
  std::optional<Error> failure;
  Revision revision;
  Payload object;
  std::vector<Payload> items, events;
  std::string continue_token;
  std::optional<uint64_t> remaining;
  std::vector<std::string> warnings;
  Revision head;
  uint64_t count = 0;
  std::vector<AuditEntry> refusals;
  std::vector<std::pair<Lane, Revision>> heads;
  bool created = false, gone = false, repeated = false;
  // A byte stream: what the caller connects with, and what its node's kubelet is told.
  struct Ticket {
    std::string endpoint, server_key, client_key, client_secret, id;
  };
  struct Command {
    std::string node, operation;
    Payload bytes;
  };
  Payload archive, chain;
  Revision oldest;
  std::optional<Ticket> ticket;
  std::optional<Command> command;

  size_t bytes() const;
  // The bodies go; what was a read becomes a refusal.
  void strip();
};

// wire::Reply before it is written.
struct ReplyData {
  std::string id;
  std::optional<Error> failure;
  std::vector<OutcomeData> outcomes;
  int64_t time_ms = 0;  // of a refusal for lateness: what the clock says here

  size_t bytes() const;
};

class Replier {
 public:
  Replier(bus::Bus& bus, bus::Log& log) : bus_(bus), log_(log) {}

  // `to`: a reply subject that was found to belong to its actor; "": nobody waits for it.
  void add(const std::string& to, ReplyData reply);
  void refuse(const std::string& to, std::string id, Error error);
  // Sends what was added, in its order.
  void flush();
  uint64_t lost() const { return lost_; }

 private:
  void send(const std::string& to, std::vector<ReplyData>& replies, size_t begin, size_t end);

  bus::Bus& bus_;
  bus::Log& log_;
  std::vector<std::pair<std::string, std::vector<ReplyData>>> waiting_;
  std::unordered_map<std::string, size_t> index_;
  uint64_t lost_ = 0;
};

}  // namespace kubus::store
