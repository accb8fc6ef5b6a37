// All that the kernel's table must hold, and what to tell it after a change. Pure: a table made by
// changes one after another equals the one written whole.
#pragma once

#include <map>
#include <set>
#include <string>

#include "agents/proxy/rules.h"

namespace kubus::proxy {

struct TableOptions {
  std::string name = "kubus";          // of the nftables table, family ip
  std::string pod_cidr = "0.0.0.0/0";  // whoever asks from elsewhere gets the node's address
};

// "kubus-" and the cluster's name, as nftables takes it.
std::string table_name(const std::string& cluster);

class Table {
 public:
  explicit Table(TableOptions options) : options_(std::move(options)) {}

  // What this Service needs from now on; empty: nothing. A key that another Service holds already
  // is left to it.
  void set(const std::string& service, const Elements& elements);

  // nftables commands that lead from what the last call knew to what is wanted now, to be run as
  // one transaction; "" : nothing to do.
  std::string changes();
  // The same for a table of which nothing is known: it is made, or made true.
  std::string whole();
  // What whole() says; nothing is forgotten.
  std::string text() const;

  size_t size() const { return elements_.size(); }
  const Elements& elements() const { return values_; }

 private:
  struct Element {
    std::string value;
    std::set<std::string> holders;  // Services; several hold what belongs to an address alone
  };
  void give(const std::string& service, const ElementKey& key, const std::string& value);
  void take(const std::string& service, const ElementKey& key);
  std::string chain_for(const std::string& value, std::set<std::string>* chains) const;
  std::string render(std::set<std::string>* chains) const;
  std::string frame() const;

  TableOptions options_;
  std::map<ElementKey, Element> elements_;
  Elements values_;                           // what the kernel shall have
  std::map<ElementKey, std::string> before_;  // of what changed: what the kernel has
  std::set<ElementKey> fresh_;                // of what changed: what it has not
  std::map<std::string, Elements> by_service_;
  std::set<std::string> chains_;  // that the kernel has
};

}  // namespace kubus::proxy
