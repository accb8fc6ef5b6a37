// Builds container images from files, without a registry or a daemon, and puts them into a
// containerd. The archive is an OCI image layout in a tar file, with one layer; equal input gives
// equal bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::agents {

struct ImageFile {
  std::string path;       // in the image, absolute
  std::string host_path;  // what becomes its content; "" : a link or a directory
  std::string link;       // the target of a symbolic link; "" : a directory
};

struct ImageRecipe {
  std::string name;  // "kubus.local/web:1"; with host and tag
  std::vector<ImageFile> files;
  std::vector<std::string> entrypoint, command, environment;  // environment: "NAME=value"
  std::string working_dir = "/";
};

// Missing parent directories are added. kBadRequest: no name, a relative path, a path given twice;
// kNotFound: a host path that is no readable file. Executable files stay so; all belong to root.
Result<std::string> build_image(const ImageRecipe& recipe);
// build_image into a file, whole or not at all.
Status write_image(const ImageRecipe& recipe, const std::string& out_path);

// Imports an archive (OCI layout or `docker save`) into the containerd at `socket`, where CRI finds
// it. Blocks until it is there. kBadRequest: the archive is refused; kUnavailable: nobody listens.
Status import_image(const std::string& socket, const std::string& archive_path);

}  // namespace kubus::agents
