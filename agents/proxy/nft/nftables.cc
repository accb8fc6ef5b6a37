#include "agents/proxy/nft/nftables.h"

#include <nftables/libnftables.h>

namespace kubus::proxy {
namespace {

constexpr size_t kLongestComplaint = 600;

struct Context {
  nft_ctx* nft = nft_ctx_new(NFT_CTX_DEFAULT);
  Context() {
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
  }
  ~Context() { nft_ctx_free(nft); }
};

Status run_in(Context& c, const std::string& commands) {
  if (nft_run_cmd_from_buffer(c.nft, commands.c_str()) == 0) return {};
  const char* text = nft_ctx_get_error_buffer(c.nft);
  return Error(Code::kInvalid,
               "nftables: " + std::string(text ? text : "refused").substr(0, kLongestComplaint));
}

}  // namespace

Nftables::Nftables(bus::Workers& workers) : workers_(workers) {}
Nftables::~Nftables() = default;

void Nftables::apply(std::string commands, std::function<void(Status)> done) {
  auto result = std::make_shared<Status>();
  workers_.run(
      "nftables", [result, commands = std::move(commands)] { *result = run(commands); },
      [result, done = std::move(done), alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) done(std::move(*result));
      });
}

Status Nftables::run(const std::string& commands) {
  Context context;
  return run_in(context, commands);
}

bool Nftables::present(const std::string& table) {
  return bool(run("list chain ip " + table + " services\n"));
}

}  // namespace kubus::proxy
