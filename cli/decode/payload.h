// What a payload of the bus says, as JSON. Nothing is read before it was verified. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::cli {

enum class Form : uint8_t { kEvent, kHead, kRequest, kReplies, kCommand, kText };

// "event", "head", "request", "replies", "command", "text". kBadRequest names them.
Result<Form> parse_form(std::string_view word);
// What is carried on that subject; nullopt: the subject does not say.
std::optional<Form> form_of(std::string_view subject);

class PayloadReader {
 public:
  // Bodies of confidential kinds are shown only if asked for.
  explicit PayloadReader(bool with_secrets) : with_secrets_(with_secrets) {}

  // The kind of the objects in replies, which do not say it themselves. Of requests that this
  // reader has read it knows it already.
  void assume_kind(const schema::KindInfo* kind) { assumed_ = kind; }

  // One member, named after the form: {"event":{…}}. Without a form the bytes are tried as each.
  // kBadRequest: they are no such payload.
  Result<boost::json::object> read(std::optional<Form> form, ByteView payload);

 private:
  std::optional<boost::json::object> as(Form form, ByteView payload);
  std::optional<boost::json::value> as_event(ByteView payload) const;
  std::optional<boost::json::value> as_request(ByteView payload);
  std::optional<boost::json::value> as_replies(ByteView payload) const;

  bool with_secrets_;
  const schema::KindInfo* assumed_ = nullptr;
  // By request id, the kinds of its operations.
  std::map<std::string, std::vector<const schema::KindInfo*>, std::less<>> asked_;
};

// Bytes that were written down: "" (as they are), "hex" (spaces and 0x are passed over), "base64".
Result<Buffer> bytes_of(std::string_view text, std::string_view encoding);

}  // namespace kubus::cli
