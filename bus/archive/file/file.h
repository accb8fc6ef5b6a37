// Archive files (FORMAT.md): written to their end under another name and then given theirs, read
// as a stream with everything checked. Blocking; any one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bus/archive/file/entries.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"

namespace kubus::archive {

using Hash = std::array<uint8_t, 32>;

struct FileHeader {
  std::string cluster;
  Revision base;  // from here on nothing is missing
  Revision to;    // the last
  Revision from;  // the first that was asked for; 0: all
  int64_t time_ns = 0;
  Hash chain{};  // at `base`
  bool with_secrets = false, redacted = false;
};

struct FileTrailer {
  uint64_t count = 0;
  Revision last;
  Hash chain{};  // behind `last`
};

class FileWriter {
 public:
  // kUnavailable, naming the path. Until finish() nothing stands under that name.
  static Result<std::unique_ptr<FileWriter>> create(const std::string& path,
                                                    const FileHeader& header);
  virtual ~FileWriter() = default;  // without finish(): nothing is left
  // One block of entries, in order.
  virtual Status add(ByteView entries) = 0;
  // Durable under its name when this returns.
  virtual Status finish(const FileTrailer& trailer) = 0;
};

class FileReader {
 public:
  // kInvalid: no archive, of a newer format, damaged, cut short; kUnavailable: it cannot be read.
  // The messages name file and offset.
  static Result<std::unique_ptr<FileReader>> open(const std::string& path);
  virtual ~FileReader() = default;
  virtual const FileHeader& header() const = 0;
  // The next block of entries, all of them well-formed and in order, aligned to 8; empty at the
  // end, when the trailer has been found to be true.
  virtual Result<Payload> next() = 0;
  virtual const FileTrailer& trailer() const = 0;  // at the end
};

}  // namespace kubus::archive
