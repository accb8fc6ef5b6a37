#include "agents/kubelet/options.h"

#include <boost/program_options.hpp>
#include <filesystem>
#include <sstream>

namespace kubus::kubelet {
namespace {

namespace po = boost::program_options;

constexpr const char* kVersion = "v1.36.0+kubus";
constexpr const char* kPauseImage = "kubus.local/pause:1";

std::string default_archive() {
  std::error_code code;
  auto self = std::filesystem::read_symlink("/proc/self/exe", code);
  return (self.parent_path().parent_path() / "images/pause.tar").string();
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options out;
  std::string node, address, state, archive;
  po::options_description known("kubus-kubelet: runs the Pods of a node");
  auto add = known.add_options();
  add("help,h", "this text");
  add("credentials", po::value(&out.credentials)->required(), "how to reach the bus (JSON file)");
  add("node", po::value(&node)->required(), "the node's name");
  add("hollow", po::value(&out.hollow)->default_value(0),
      "for tests of scale: so many nodes, named NODE-0, NODE-1, …, that only seem to run Pods; "
      "needs neither runtime nor state");
  add("runtime-endpoint", po::value(&out.endpoint)->default_value(""),
      "a CRI socket, unix:///path");
  add("state", po::value(&state)->default_value(""), "where volumes and logs of Pods lie");
  add("address", po::value(&address)->default_value("127.0.0.1"), "the node's own address");
  add("cluster-dns", po::value(&out.kubelet.dns.server)->default_value(""),
      "the address of the cluster's resolver, for dnsPolicy ClusterFirst; none: the node's own");
  add("cluster-domain", po::value(&out.kubelet.dns.domain)->default_value("cluster.local"),
      "the domain of Services and Pods");
  add("pause-archive", po::value(&archive)->default_value(default_archive()),
      "imported where the runtime lacks the sandbox image; empty: never");
  po::variables_map options;
  try {
    po::store(po::parse_command_line(argc, argv, known), options);
    std::ostringstream text;
    text << known;
    if (options.count("help")) return Options{.help = text.str()};
    po::notify(options);
  } catch (const po::error& e) {
    return Error(Code::kBadRequest, e.what());
  }
  if (out.hollow < 0) return Error(Code::kBadRequest, "--hollow must be a number of nodes");
  out.kubelet.node.name = node;
  out.kubelet.node.address = address;
  out.kubelet.node.version = kVersion;
  if (out.hollow > 0) return out;
  if (state.empty()) return Error(Code::kBadRequest, "--state must name a directory");
  constexpr std::string_view kUnix = "unix://";
  if (out.endpoint.rfind(kUnix, 0) != 0)
    return Error(Code::kBadRequest, "--runtime-endpoint must be unix:///path");
  out.kubelet.state_dir = std::filesystem::absolute(state).string();
  out.kubelet.node.machine = read_machine(out.kubelet.state_dir);
  out.kubelet.node.state_dir = out.kubelet.state_dir;
  if (!archive.empty()) {
    out.kubelet.pause_image = kPauseImage;
    out.kubelet.pause_archive = archive;
    out.kubelet.runtime_socket = out.endpoint.substr(kUnix.size());
  }
  return out;
}

}  // namespace kubus::kubelet
