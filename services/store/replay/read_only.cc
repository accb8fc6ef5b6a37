#include "services/store/replay/read_only.h"

#include <algorithm>
#include <array>

namespace kubus::store {
namespace {

constexpr std::array<std::string_view, 7> kReads = {"get",     "list",  "events-after", "heads",
                                                    "history", "trace", "archive"};

bool is_stream_word(std::string_view subresource) {
  return subresource == "log" || subresource == "exec" || subresource == "attach" ||
         subresource == "portforward";
}

class ReadOnly final : public Authorizer {
 public:
  explicit ReadOnly(std::unique_ptr<Authorizer> readers) : readers_(std::move(readers)) {}

  Status authorize(const Access& a, const View& view) const override {
    bool reads = std::find(kReads.begin(), kReads.end(), a.verb) != kReads.end();
    if (!reads || is_stream_word(a.subresource)) {
      return Error(
          Code::kMethodNotAllowed,
          "this is a replay of the past: it can only be read, not asked to " + std::string(a.verb));
    }
    return readers_->authorize(a, view);
  }
  bool may_impersonate(std::string_view actor) const override {
    return readers_->may_impersonate(actor);
  }
  std::string_view node_of(std::string_view actor) const override {
    return readers_->node_of(actor);
  }

 private:
  std::unique_ptr<Authorizer> readers_;
};

}  // namespace

std::unique_ptr<Authorizer> read_only(std::unique_ptr<Authorizer> readers) {
  return std::make_unique<ReadOnly>(std::move(readers));
}

}  // namespace kubus::store
