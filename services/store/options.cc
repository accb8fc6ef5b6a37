#include "services/store/options.h"

#include <boost/program_options.hpp>
#include <fstream>
#include <iterator>

namespace kubus::store {
namespace {

namespace po = boost::program_options;

struct Raw {
  std::string credentials, ca_file, token_key, secrets_keys;
  uint64_t keep_hours = 24, event_ttl_minutes = 60, map_gib = 256;
};

void describe(Raw* raw, ProgramOptions* out, po::options_description* all) {
  StoreOptions& s = out->store;
  auto add = all->add_options();
  add("state", po::value(&out->state_directory)->required(), "the directory that keeps the state");
  add("credentials", po::value(&raw->credentials)->required(), "the bus credentials file");
  add("pod-cidr", po::value(&s.ranges.pod_cidr), "the addresses of Pods, a /24 for each node");
  add("service-cidr", po::value(&s.ranges.service_cidr), "the addresses of Services");
  add("node-ports", po::value(&s.ranges.node_ports), "FIRST-LAST");
  add("ca-file", po::value(&raw->ca_file), "the cluster's CA, PEM; goes into every namespace");
  add("api-port", po::value(&s.api_port), "where gateways listen");
  add("api-address", po::value(&s.api_address), "and at which address others reach them");
  add("service-account-key", po::value(&raw->token_key),
      "the RSA key that signs tokens of service accounts, PEM; without it none is made");
  add("secrets-keys", po::value(&raw->secrets_keys),
      "the file of the keys that seal the bodies of Secrets, kept elsewhere than the state; "
      "without it "
      "they are kept plain");
  add("instance", po::value(&s.instance), "this store's name among several");
  add("keep-revisions", po::value(&s.state.keep_revisions),
      "history: never compact the newest N revisions");
  add("keep-hours", po::value(&raw->keep_hours), "history: nor what is younger than that");
  add("keep-revisions-max", po::value(&s.state.keep_revisions_max),
      "history: whatever the age, not more revisions than that");
  add("event-ttl-minutes", po::value(&raw->event_ttl_minutes), "how long Events are kept");
  add("most-events", po::value(&s.maintenance.most_events), "and how many at most");
  add("map-gib", po::value(&raw->map_gib), "address space reserved for the tables, GiB");
  add("log-level", po::value(&out->log_level)->default_value("info"), "debug, info, warn or error");
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error(Code::kBadRequest, "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Read anew whenever the store wants the keys: a newer one may stand there.
std::function<Result<secrets::KeyRing>()> reader_of(const std::string& path) {
  return [path]() -> Result<secrets::KeyRing> {
    auto text = read_file(path);
    if (!text) return text.error();
    auto keys = secrets::KeyRing::parse(*text);
    if (!keys) return Error(keys.error().code, path + ", " + keys.error().message);
    if (keys->empty()) return Error(Code::kBadRequest, path + " holds no key");
    return keys;
  };
}

}  // namespace

Result<ProgramOptions> read_options(int argc, char** argv) {
  ProgramOptions out;
  Raw raw;
  po::options_description all;
  describe(&raw, &out, &all);
  try {
    po::variables_map map;
    po::store(po::parse_command_line(argc, argv, all), map);
    po::notify(map);
  } catch (const po::error& e) {
    return Error(Code::kBadRequest, e.what());
  }
  auto credentials = bus::read_credentials(raw.credentials);
  if (!credentials) return credentials.error();
  out.credentials = *std::move(credentials);
  if (!raw.ca_file.empty()) {
    auto ca = read_file(raw.ca_file);
    if (!ca) return ca.error();
    out.store.cluster_ca = *std::move(ca);
  }
  if (!raw.token_key.empty()) {
    auto key = read_file(raw.token_key);
    if (!key) return key.error();
    out.store.token_key = *std::move(key);
  }
  if (!raw.secrets_keys.empty()) out.store.state.read_keys = reader_of(raw.secrets_keys);
  constexpr int kGibBits = 30;
  out.map_bytes = raw.map_gib << kGibBits;
  out.store.cluster = ClusterName(out.credentials.cluster);
  out.store.state.cluster_id = out.credentials.cluster;
  out.store.state.keep_time = std::chrono::hours(raw.keep_hours);
  out.store.maintenance.event_ttl = std::chrono::minutes(raw.event_ttl_minutes);
  return out;
}

}  // namespace kubus::store
