#include "bus/stream/spdy_headers.h"

#include <zlib.h>

#include <array>

#include "schemas/lib/base/check.h"

namespace kubus::stream {
namespace {

constexpr size_t kMostBytes = 64 << 10, kChunk = 4096;

void append_number(size_t n, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) *out += static_cast<char>(n >> shift);
}

std::optional<std::string_view> take_text(std::string_view* in) {
  if (in->size() < 4) return std::nullopt;
  size_t n = 0;
  for (size_t i = 0; i < 4; ++i) n = n << 8 | static_cast<uint8_t>((*in)[i]);
  if (n > in->size() - 4) return std::nullopt;
  std::string_view out = in->substr(4, n);
  in->remove_prefix(4 + n);
  return out;
}

std::optional<SpdyHeaders> parse(std::string_view in) {
  if (in.size() < 4) return std::nullopt;
  size_t pairs = 0;
  for (size_t i = 0; i < 4; ++i) pairs = pairs << 8 | static_cast<uint8_t>(in[i]);
  in.remove_prefix(4);
  SpdyHeaders out;
  for (size_t i = 0; i < pairs; ++i) {
    auto name = take_text(&in);
    auto value = name ? take_text(&in) : std::nullopt;
    if (!value) return std::nullopt;
    out.emplace(*name, *value);
  }
  return out;
}

Bytef* bytes_of(const char* p) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(p));
}

// What follows the words, without lengths between.
constexpr const char* kPhrases =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,"
    "sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

constexpr std::array kWords = {"options",
                               "head",
                               "post",
                               "put",
                               "delete",
                               "trace",
                               "accept",
                               "accept-charset",
                               "accept-encoding",
                               "accept-language",
                               "accept-ranges",
                               "age",
                               "allow",
                               "authorization",
                               "cache-control",
                               "connection",
                               "content-base",
                               "content-encoding",
                               "content-language",
                               "content-length",
                               "content-location",
                               "content-md5",
                               "content-range",
                               "content-type",
                               "date",
                               "etag",
                               "expect",
                               "expires",
                               "from",
                               "host",
                               "if-match",
                               "if-modified-since",
                               "if-none-match",
                               "if-range",
                               "if-unmodified-since",
                               "last-modified",
                               "location",
                               "max-forwards",
                               "pragma",
                               "proxy-authenticate",
                               "proxy-authorization",
                               "range",
                               "referer",
                               "retry-after",
                               "server",
                               "te",
                               "trailer",
                               "transfer-encoding",
                               "upgrade",
                               "user-agent",
                               "vary",
                               "via",
                               "warning",
                               "www-authenticate",
                               "method",
                               "get",
                               "status",
                               "200 OK",
                               "version",
                               "HTTP/1.1",
                               "url",
                               "public",
                               "set-cookie",
                               "keep-alive",
                               "origin"};

}  // namespace

const std::string& spdy_dictionary() {
  static const std::string kAll = [] {
    std::string out;
    for (std::string_view word : kWords) {
      append_number(word.size(), &out);
      out.append(word);
    }
    return out + kPhrases;
  }();
  return kAll;
}

struct HeaderWriter::Zlib {
  z_stream stream{};
};

HeaderWriter::HeaderWriter() : zlib_(std::make_unique<Zlib>()) {
  const std::string& words = spdy_dictionary();
  KUBUS_CHECK(deflateInit(&zlib_->stream, Z_DEFAULT_COMPRESSION) == Z_OK);
  deflateSetDictionary(&zlib_->stream, bytes_of(words.data()), static_cast<uInt>(words.size()));
}

HeaderWriter::~HeaderWriter() {
  deflateEnd(&zlib_->stream);
}

std::string HeaderWriter::write(const SpdyHeaders& headers) {
  std::string plain;
  append_number(headers.size(), &plain);
  for (const auto& [name, value] : headers) {
    append_number(name.size(), &plain);
    plain += name;
    append_number(value.size(), &plain);
    plain += value;
  }
  z_stream& z = zlib_->stream;
  z.next_in = bytes_of(plain.data());
  z.avail_in = static_cast<uInt>(plain.size());
  std::string out;
  std::array<char, kChunk> chunk;
  do {
    z.next_out = bytes_of(chunk.data());
    z.avail_out = static_cast<uInt>(chunk.size());
    deflate(&z, Z_SYNC_FLUSH);
    out.append(chunk.data(), chunk.size() - z.avail_out);
  } while (z.avail_out == 0);
  return out;
}

struct HeaderReader::Zlib {
  z_stream stream{};
};

HeaderReader::HeaderReader() : zlib_(std::make_unique<Zlib>()) {
  KUBUS_CHECK(inflateInit(&zlib_->stream) == Z_OK);
}

HeaderReader::~HeaderReader() {
  inflateEnd(&zlib_->stream);
}

std::optional<SpdyHeaders> HeaderReader::read(std::string_view block) {
  z_stream& z = zlib_->stream;
  z.next_in = bytes_of(block.data());
  z.avail_in = static_cast<uInt>(block.size());
  std::string plain;
  std::array<char, kChunk> chunk;
  const std::string& words = spdy_dictionary();
  while (true) {
    z.next_out = bytes_of(chunk.data());
    z.avail_out = static_cast<uInt>(chunk.size());
    int result = inflate(&z, Z_SYNC_FLUSH);
    plain.append(chunk.data(), chunk.size() - z.avail_out);
    if (plain.size() > kMostBytes) return std::nullopt;
    if (result == Z_NEED_DICT) {
      if (inflateSetDictionary(&z, bytes_of(words.data()), static_cast<uInt>(words.size())) != Z_OK)
        return std::nullopt;
      continue;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) return std::nullopt;
    if (z.avail_out > 0) break;
  }
  return parse(plain);
}

}  // namespace kubus::stream
