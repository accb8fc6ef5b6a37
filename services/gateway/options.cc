#include "services/gateway/options.h"

#include <boost/program_options.hpp>
#include <charconv>
#include <fstream>
#include <iterator>

namespace kubus::gateway {
namespace {

namespace po = boost::program_options;

Status set_listen(const std::string& listen, HttpOptions* http) {
  size_t colon = listen.rfind(':');
  const char* end = listen.data() + listen.size();
  uint16_t before = http->port;
  bool good = colon != std::string::npos &&
              std::from_chars(listen.data() + colon + 1, end, http->port).ptr == end;
  if (!good)
    return Error(Code::kBadRequest, "--listen must be ADDRESS:PORT, not \"" + listen + "\"");
  if (!http->addresses.empty() && http->port != before)
    return Error(Code::kBadRequest, "every --listen must name the same port");
  http->addresses.push_back(listen.substr(0, colon));
  return {};
}

}  // namespace

Result<GatewayOptions> read_options(int argc, char** argv) {
  GatewayOptions out;
  std::string credentials;
  std::string key;
  std::vector<std::string> listen;
  po::options_description all;
  auto add = all.add_options();
  add("credentials", po::value(&credentials)->required(), "the bus credentials file");
  add("listen", po::value(&listen)->composing(), "ADDRESS:PORT; may be given again");
  add("cert", po::value(&out.http.certificate_file)->required(), "the server's certificate, PEM");
  add("key", po::value(&out.http.key_file)->required(), "its key, PEM");
  add("client-ca", po::value(&out.http.client_ca_file)->required(),
      "the CA of client certificates, PEM");
  add("service-account-key", po::value(&key),
      "the public key that service account tokens are verified with, PEM; without it none is "
      "accepted");
  try {
    po::variables_map map;
    po::store(po::parse_command_line(argc, argv, all), map);
    po::notify(map);
  } catch (const po::error& e) {
    return Error(Code::kBadRequest, e.what());
  }
  auto read = bus::read_credentials(credentials);
  if (!read) return read.error();
  out.credentials = *std::move(read);
  if (listen.empty()) listen.push_back("127.0.0.1:6443");
  out.http.addresses.clear();
  for (const std::string& one : listen) {
    if (Status s = set_listen(one, &out.http); !s) return s.error();
  }
  if (!key.empty()) {
    std::ifstream in(key, std::ios::binary);
    out.token_key.assign(std::istreambuf_iterator<char>(in), {});
    if (out.token_key.empty()) return Error(Code::kBadRequest, "cannot read " + key);
  }
  return out;
}

}  // namespace kubus::gateway
