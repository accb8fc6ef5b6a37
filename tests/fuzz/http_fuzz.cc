// What the gateway makes of a request: "METHOD TARGET\nheader: value\n…\n\nBODY". A translated
// request is a well-formed one.
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/gateway/api/body.h"
#include "services/gateway/api/format.h"
#include "services/gateway/api/requests.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;

gateway::HttpRequest read(fuzz::Input in, bool* well) {
  gateway::HttpRequest r;
  fuzz::Input first(in.line());
  r.method = first.word();
  *well = gateway::parse_target(first.rest(), &r);
  while (!in.empty()) {
    fuzz::Input header(in.line());
    if (header.empty()) break;
    std::string name(header.until(':'));
    header.byte();
    r.headers.emplace(name, header.rest());
  }
  r.body = in.rest();
  r.peer = {"someone", {"system:authenticated"}};
  return r;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bool well = false;
  gateway::HttpRequest r = read(fuzz::Input(data, size), &well);
  if (!well) return 0;
  (void)gateway::negotiate(r);
  (void)gateway::read_value(r);
  auto path = gateway::parse_resource_path(r.segments);
  if (!path) return 0;
  KUBUS_CHECK(path->kind != nullptr);
  std::string verb = gateway::verb_of(r, *path);
  if (verb.empty() || verb == "watch") return 0;
  auto request = gateway::translate(r, *path, verb);
  if (!request) return 0;
  KUBUS_CHECK(request->operations.size() == 1);
  const wire::OperationT& op = *request->operations[0];
  if (!op.object.empty()) KUBUS_CHECK(codec::verify(*gateway::body_kind(*path), op.object));
  if (!op.patch.empty())
    KUBUS_CHECK(codec::parse_json({reinterpret_cast<const char*>(op.patch.data()), op.patch.size()},
                                  nullptr));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::Request::Pack(builder, &*request));
  flatbuffers::Verifier verifier(builder.GetBufferPointer(), builder.GetSize());
  KUBUS_CHECK(verifier.VerifyBuffer<wire::Request>(nullptr));
  return 0;
}
