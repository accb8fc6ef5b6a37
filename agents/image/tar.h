// Writes tar archives (ustar). Times are zero and owners root, so equal content gives equal bytes.
#pragma once

#include <string>
#include <string_view>

namespace kubus::agents {

class TarWriter {
 public:
  // Names have no leading slash and at most 255 bytes, of which the last part has at most 100.
  // False: the name is too long; nothing was added.
  bool file(std::string_view name, std::string_view content, int mode = 0644);
  bool directory(std::string_view name, int mode = 0755);
  bool link(std::string_view name, std::string_view target);
  // The archive with its end; the writer is empty afterwards.
  std::string finish();

 private:
  bool header(std::string_view name, char type, int mode, size_t size, std::string_view target);
  std::string bytes_;
};

}  // namespace kubus::agents
