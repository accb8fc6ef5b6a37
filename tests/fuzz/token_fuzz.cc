// Tokens: "raw\nTEXT"; "edit\nCLAIMS\nEDITS": claims signed, then changed: refused, or nothing was
// changed; "list\nTEXT": the continue token of a LIST.
#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/token/token.h"
#include "services/store/state/token.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/key.h"

namespace {

using namespace kubus;

constexpr int64_t kNow = 1'790'000'000;

void check_edited(std::string_view claims_text, std::string_view edits) {
  static const token::Signer kSigner = *token::Signer::from_pem(fuzz::key());
  static const token::Verifier kVerifier = *token::Verifier::from_pem(fuzz::key());
  auto claims = codec::parse_json(claims_text, nullptr);
  if (!claims || !claims->is_object()) return;
  auto text = kSigner.sign(claims->get_object());
  if (!text || text->size() > token::kMostTokenBytes) return;
  Buffer changed(text->begin(), text->end());
  fuzz::edit(&changed, edits);
  auto read = kVerifier.verify(as_text(changed), kNow);
  if (read) KUBUS_CHECK(as_text(changed) == *text && *read == claims->get_object());
}

void check_list(std::string_view text) {
  auto read = store::decode_token(text, "c");
  if (!read) return;
  std::string written = store::encode_token(*read, "c");
  auto again = store::decode_token(written, "c");
  KUBUS_CHECK(again && store::encode_token(*again, "c") == written);
  KUBUS_CHECK(!store::decode_token(written, "d"));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  std::string_view what = in.line();
  if (what == "edit") {
    std::string_view claims = in.line();
    check_edited(claims, in.rest());
  } else if (what == "list") {
    check_list(in.rest());
  } else {
    static const token::Verifier kVerifier = *token::Verifier::from_pem(fuzz::key());
    KUBUS_CHECK(!kVerifier.verify(in.rest(), kNow));
  }
  return 0;
}
