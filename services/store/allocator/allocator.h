// Numbers and addresses of the cluster that only one object may hold: kept in memory, rebuilt from
// the objects at start. The executor is the only writer, so a claim is exact. Loop thread only.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "bus/ports/ports.h"
#include "services/store/kinds/kinds.h"
#include "services/store/state/view.h"

namespace kubus::store {

struct Ranges {
  std::string service_cidr = "10.96.0.0/16";
  std::string pod_cidr = "10.244.0.0/16";  // given to nodes in /24
  std::string node_ports = "30000-32767";
};

class ClusterAllocator final : public kinds::Allocator {
 public:
  // kBadRequest: a range that is none (IPv4 alone is served).
  static Result<std::unique_ptr<ClusterAllocator>> make(const Ranges& ranges, bus::Random& random);

  Outcome claim_cluster_ip(std::string* address) override;
  void release_cluster_ip(std::string_view address) override;
  Outcome claim_node_port(int32_t* port) override;
  void release_node_port(int32_t port) override;
  Outcome claim_pod_cidr(std::string* cidr) override;
  void release_pod_cidr(std::string_view cidr) override;
  std::string cluster_ip_range() const override { return ranges_.service_cidr; }
  std::string node_port_range() const override { return ranges_.node_ports; }
  // The address of Service default/kubernetes: the first of the range.
  std::string first_cluster_ip() const;

  // What was claimed and released since: rollback() undoes it, keep() makes it stay.
  size_t savepoint() const { return undo_.size(); }
  void rollback(size_t to);
  void keep() { undo_.clear(); }
  // Forgets everything and takes what the objects of `view` hold.
  void rebuild(const View& view);

 private:
  struct Pool {
    uint64_t first = 0, count = 0, dynamic = 0;  // dynamic: where free choice begins
    std::unordered_set<uint64_t> taken;
    uint64_t next = 0;  // where, behind `dynamic`, the search for a free one begins
  };
  struct Undo {
    Pool* pool;
    uint64_t index;
    bool claimed;
  };
  ClusterAllocator(const Ranges& ranges) : ranges_(ranges) {}
  Outcome claim(Pool* pool, uint64_t index);
  Outcome claim_any(Pool* pool, uint64_t* index);
  void release(Pool* pool, uint64_t index);
  void take_service(const Object& service);
  void take_node(const Object& node);

  Ranges ranges_;
  Pool addresses_, ports_, cidrs_;
  std::vector<Undo> undo_;
};

}  // namespace kubus::store
