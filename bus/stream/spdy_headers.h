// Header blocks of SPDY/3: pairs of names and values, compressed with one context for each
// direction of a connection.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kubus::stream {

using SpdyHeaders = std::map<std::string, std::string>;

// The words that both sides' compressors know before they begin.
const std::string& spdy_dictionary();

class HeaderWriter {
 public:
  HeaderWriter();
  ~HeaderWriter();
  std::string write(const SpdyHeaders& headers);

 private:
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
};

class HeaderReader {
 public:
  HeaderReader();
  ~HeaderReader();
  // nullopt: malformed, or more than 64 KiB.
  std::optional<SpdyHeaders> read(std::string_view block);

 private:
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
};

}  // namespace kubus::stream
