#include <cstdio>

#include "cli/past/fetch.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

Status run(const Invocation& call) {
  if (call.words.size() != 1)
    return Error(Code::kBadRequest, "name one file, as in `kubus backup monday.kubus`");
  auto session = Session::open(call);
  if (!session) return session.error();
  ExportOptions options{
      .path = call.words[0], .from = {}, .to = {}, .with_secrets = true, .tell = tell_progress};
  if (Status s = save_archive(**session, options); !s) return s;
  const Layout& layout = session->get()->layout();
  std::printf("keep a copy of %s too: certificates, and the keys that open the Secrets\n",
              layout.pki("").c_str());
  return {};
}

}  // namespace

const Command kBackup{
    .name = "backup",
    .summary = "the whole store with its past in one file, while the cluster works",
    .usage = "kubus backup FILE",
    .examples =
        "  kubus backup /backup/monday.kubus\n"
        "  kubus down && kubus restore /backup/monday.kubus --replace && kubus up\n",
    .run = run,
};

}  // namespace kubus::cli
