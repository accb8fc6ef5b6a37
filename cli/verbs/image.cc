#include <cstdio>

#include "agents/containerd/containerd.h"
#include "agents/image/image.h"
#include "cli/cluster/config.h"
#include "cli/cluster/files.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

Status run(const Invocation& call) {
  if (call.words.size() < 2 || call.words[0] != "import") {
    return Error(Code::kBadRequest, "say `kubus image import FILE…`");
  }
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  if (config->node.empty() || !config->runtime_endpoint.empty()) {
    return Error(Code::kBadRequest, "this cluster has no containerd of its own to import into");
  }
  for (size_t i = 1; i < call.words.size(); ++i) {
    if (!exists(call.words[i]))
      return Error(Code::kBadRequest, "there is no file " + call.words[i]);
    if (Status s =
            agents::import_image(agents::containerd_socket(layout.containerd()), call.words[i]);
        !s)
      return s;
    std::printf("imported %s\n", call.words[i].c_str());
  }
  return {};
}

}  // namespace

const Command kImage{
    .name = "image",
    .summary = "bring image archives to this machine's containerd",
    .usage = "kubus image import FILE…",
    .examples = "  kubus image import build/release/images/web.tar\n",
    .run = run,
};

}  // namespace kubus::cli
