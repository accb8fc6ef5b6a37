// Names of images, and the credentials that pull secrets hold for them. Pure.
#pragma once

#include <string>
#include <vector>

#include "agents/kubelet/cri/runtime.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

struct ImageName {
  std::string registry;    // "docker.io" if the name holds none
  std::string repository;  // "library/web"
  std::string tag, digest;
};

// kInvalid says what is wrong with it.
Result<ImageName> parse_image(const std::string& name);

// Those of the Secrets (kubernetes.io/dockerconfigjson and dockercfg) that are for this image, the
// closest first. What is malformed holds none.
std::vector<Credentials> credentials_for(const ImageName& image,
                                         const std::vector<Object>& secrets);

// Why a pull failed and what to do about it, from the runtime's words. `tried`: how many
// credentials were; `absent`: pull secrets that do not exist.
std::string pull_failure(const std::string& image, const std::string& words, size_t tried,
                         const std::vector<std::string>& absent);

}  // namespace kubus::kubelet
