#include "services/store/allocator/allocator.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <optional>

#include "schemas/lib/codec/codec.h"
#include "services/store/kinds/values.h"

namespace kubus::store {

namespace json = boost::json;

namespace {

constexpr uint32_t kNodeCidrBits = 24;
constexpr uint64_t kReservedAddresses = 16, kMostReserved = 256;

std::optional<uint32_t> parse_number(std::string_view text, uint32_t most) {
  uint32_t n = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  bool good = code == std::errc() && end == text.data() + text.size() && n <= most;
  return good ? std::optional(n) : std::nullopt;
}

std::optional<uint32_t> parse_ip(std::string_view text) {
  uint32_t out = 0;
  for (int i = 0; i < 4; ++i) {
    size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    auto part = parse_number(text.substr(0, dot), 255);
    if (!part) return std::nullopt;
    out = out << 8 | *part;
    text.remove_prefix(std::min(text.size(), dot + 1));
  }
  return out;
}

std::string format_ip(uint32_t ip) {
  return std::to_string(ip >> 24) + '.' + std::to_string(ip >> 16 & 255) + '.' +
         std::to_string(ip >> 8 & 255) + '.' + std::to_string(ip & 255);
}

struct Cidr {
  uint32_t first = 0, bits = 0;
  uint64_t size() const { return uint64_t{1} << (32 - bits); }
};

std::optional<Cidr> parse_cidr(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto ip = parse_ip(text.substr(0, slash));
  auto bits = parse_number(text.substr(slash + 1), 32);
  if (!ip || !bits) return std::nullopt;
  Cidr out{*ip, *bits};
  if (out.first % out.size() != 0) return std::nullopt;
  return out;
}

}  // namespace

Result<std::unique_ptr<ClusterAllocator>> ClusterAllocator::make(const Ranges& ranges,
                                                                 bus::Random& random) {
  auto services = parse_cidr(ranges.service_cidr), pods = parse_cidr(ranges.pod_cidr);
  if (!services || services->bits > 28 || services->bits < 8)
    return Error(Code::kBadRequest, "the range of services must be an IPv4 CIDR from /8 to /28");
  if (!pods || pods->bits > kNodeCidrBits || pods->bits < 8)
    return Error(Code::kBadRequest, "the range of pods must be an IPv4 CIDR from /8 to /24");
  std::string_view ports = ranges.node_ports;
  size_t dash = ports.find('-');
  uint32_t low = parse_number(ports.substr(0, dash), 65535).value_or(0), high = 0;
  if (dash != std::string_view::npos)
    high = parse_number(ports.substr(dash + 1), 65535).value_or(0);
  if (low == 0 || low > high)
    return Error(Code::kBadRequest, "the range of node ports must be FIRST-LAST");
  std::unique_ptr<ClusterAllocator> out(new ClusterAllocator(ranges));
  // Neither the network's own address nor the broadcast's. The low ones are left to those who ask
  // for a certain one.
  uint64_t count = services->size() - 2;
  uint64_t reserved = std::min(std::max(kReservedAddresses, count / 16), kMostReserved);
  reserved = std::min(reserved, count / 2);
  out->addresses_ = {services->first + uint64_t{1}, count, reserved, {}, 0};
  out->addresses_.next = random.below(count - reserved);
  out->ports_ = {low, uint64_t{high} - low + 1, 0, {}, 0};
  out->ports_.next = random.below(out->ports_.count);
  out->cidrs_ = {pods->first, pods->size() >> (32 - kNodeCidrBits), 0, {}, 0};
  return out;
}

std::string ClusterAllocator::first_cluster_ip() const {
  return format_ip(static_cast<uint32_t>(addresses_.first));
}

ClusterAllocator::Outcome ClusterAllocator::claim(Pool* pool, uint64_t index) {
  if (index >= pool->count) return Outcome::kOutOfRange;
  if (!pool->taken.insert(index).second) return Outcome::kTaken;
  undo_.push_back({pool, index, true});
  return Outcome::kOk;
}

ClusterAllocator::Outcome ClusterAllocator::claim_any(Pool* pool, uint64_t* index) {
  if (pool->taken.size() >= pool->count) return Outcome::kExhausted;
  uint64_t free = pool->count - pool->dynamic;
  for (uint64_t i = 0; i < pool->count; ++i) {
    // First those of free choice, from where the last search ended; then the reserved ones.
    uint64_t at = i < free ? pool->dynamic + (pool->next + i) % free : i - free;
    if (claim(pool, at) != Outcome::kOk) continue;
    if (i < free) pool->next = (pool->next + i + 1) % free;
    *index = at;
    return Outcome::kOk;
  }
  return Outcome::kExhausted;
}

void ClusterAllocator::release(Pool* pool, uint64_t index) {
  if (pool->taken.erase(index) != 0) undo_.push_back({pool, index, false});
}

void ClusterAllocator::rollback(size_t to) {
  while (undo_.size() > to) {
    Undo last = undo_.back();
    undo_.pop_back();
    if (last.claimed) {
      last.pool->taken.erase(last.index);
    } else {
      last.pool->taken.insert(last.index);
    }
  }
}

ClusterAllocator::Outcome ClusterAllocator::claim_cluster_ip(std::string* address) {
  uint64_t index = 0;
  if (address->empty()) {
    Outcome got = claim_any(&addresses_, &index);
    if (got == Outcome::kOk) *address = format_ip(static_cast<uint32_t>(addresses_.first + index));
    return got;
  }
  auto ip = parse_ip(*address);
  if (!ip || *ip < addresses_.first) return Outcome::kOutOfRange;
  return claim(&addresses_, *ip - addresses_.first);
}

void ClusterAllocator::release_cluster_ip(std::string_view address) {
  auto ip = parse_ip(address);
  if (ip && *ip >= addresses_.first) release(&addresses_, *ip - addresses_.first);
}

ClusterAllocator::Outcome ClusterAllocator::claim_node_port(int32_t* port) {
  uint64_t index = 0;
  if (*port == 0) {
    Outcome got = claim_any(&ports_, &index);
    if (got == Outcome::kOk) *port = static_cast<int32_t>(ports_.first + index);
    return got;
  }
  if (*port < static_cast<int64_t>(ports_.first)) return Outcome::kOutOfRange;
  return claim(&ports_, static_cast<uint64_t>(*port) - ports_.first);
}

void ClusterAllocator::release_node_port(int32_t port) {
  if (port >= static_cast<int64_t>(ports_.first))
    release(&ports_, static_cast<uint64_t>(port) - ports_.first);
}

ClusterAllocator::Outcome ClusterAllocator::claim_pod_cidr(std::string* cidr) {
  uint64_t index = 0;
  if (cidr->empty()) {
    Outcome got = claim_any(&cidrs_, &index);
    uint64_t first = cidrs_.first + (index << (32 - kNodeCidrBits));
    if (got == Outcome::kOk) *cidr = format_ip(static_cast<uint32_t>(first)) + "/24";
    return got;
  }
  auto asked = parse_cidr(*cidr);
  if (!asked || asked->bits != kNodeCidrBits || asked->first < cidrs_.first)
    return Outcome::kOutOfRange;
  return claim(&cidrs_, (asked->first - cidrs_.first) >> (32 - kNodeCidrBits));
}

void ClusterAllocator::release_pod_cidr(std::string_view cidr) {
  auto held = parse_cidr(cidr);
  if (held && held->bits == kNodeCidrBits && held->first >= cidrs_.first)
    release(&cidrs_, (held->first - cidrs_.first) >> (32 - kNodeCidrBits));
}

void ClusterAllocator::take_service(const Object& service) {
  json::value v = codec::to_value(service.kind(), service.bytes());
  const json::object& spec = kinds::object_in(v.get_object(), "spec");
  std::string address(kinds::text_in(spec, "clusterIP"));
  if (!address.empty()) (void)claim_cluster_ip(&address);
  auto take_port = [this](int64_t port) {
    auto p = static_cast<int32_t>(port);
    if (p > 0) (void)claim_node_port(&p);
  };
  for (const json::value& port : kinds::array_in(spec, "ports"))
    take_port(kinds::number_in(kinds::object_of(port), "nodePort"));
  take_port(kinds::number_in(spec, "healthCheckNodePort"));
}

void ClusterAllocator::take_node(const Object& node) {
  json::value v = codec::to_value(node.kind(), node.bytes());
  std::string cidr(kinds::text_in(kinds::object_in(v.get_object(), "spec"), "podCIDR"));
  if (!cidr.empty()) (void)claim_pod_cidr(&cidr);
}

void ClusterAllocator::rebuild(const View& view) {
  for (Pool* pool : {&addresses_, &ports_, &cidrs_}) pool->taken.clear();
  const schema::Registry& registry = schema::Registry::get();
  for (const char* resource : {"services", "nodes"}) {
    const schema::KindInfo* kind = registry.by_resource("", resource);
    ListQuery query{.kind = kind};
    ListPage page;
    do {
      query.token = page.token;
      if (!view.list(query, &page)) return;
      for (const Stored& s : page.items) {
        if (resource[0] == 's') {
          take_service(s.object(*kind));
        } else {
          take_node(s.object(*kind));
        }
      }
    } while (!page.token.empty());
  }
  undo_.clear();
}

}  // namespace kubus::store
