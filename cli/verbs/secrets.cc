#include <cstdio>

#include "bus/kit/requests.h"
#include "bus/secrets/keyring.h"
#include "cli/cluster/files.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

constexpr int kSecret = 0600;
constexpr int64_t kNanos = 1'000'000'000;

void add_options(po::options_description_easy_init add) {
  add("drop-old", po::bool_switch(),
      "rotate: when every Secret is sealed under the new key, remove the old keys from the file");
}

Result<secrets::KeyRing> read_keys(const Layout& layout) {
  auto text = read_file(layout.pki("secrets.keys"));
  if (!text) return text.error();
  auto keys = secrets::KeyRing::parse(*text);
  if (!keys)
    return Error(keys.error().code, layout.pki("secrets.keys") + ", " + keys.error().message);
  return keys;
}

Status write_keys(const Layout& layout, const secrets::KeyRing& keys) {
  return write_file(layout.pki("secrets.keys"), keys.render(), kSecret);
}

struct Progress {
  uint64_t changed = 0, left = 0;
  bool done = false;
};

// Tells the store to look at its keys, and asks how far it is.
Result<Progress> rekey(Session& session) {
  auto answer = session.call(kit::request_for(
      wire::Verb::Rekey, {schema::Registry::get().by_resource("", "secrets"), "", ""}));
  if (!answer) return answer.error();
  const wire::Outcome& outcome = answer->outcome();
  bool more = outcome.continue_token() && outcome.continue_token()->size() > 0;
  return Progress{outcome.count(), outcome.remaining().value_or(0), !more};
}

Status wait_until_done(Session& session) {
  for (uint64_t told = UINT64_MAX;;) {
    auto progress = rekey(session);
    if (!progress) return progress.error();
    if (progress->done) {
      std::printf("all Secrets are sealed under the new key; %llu bodies were sealed anew\n",
                  static_cast<unsigned long long>(progress->changed));
      return {};
    }
    if (progress->left != told) {
      std::printf("%llu sealed anew, %llu revisions to look at\n",
                  static_cast<unsigned long long>(progress->changed),
                  static_cast<unsigned long long>(progress->left));
    }
    told = progress->left;
    bool passed = false;
    auto timer =
        session.host().ports().clock.after(std::chrono::milliseconds(100), [&] { passed = true; });
    if (!session.run_until([&] { return passed; }))
      return Error(Code::kTimeout, "interrupted; the store goes on by itself");
  }
}

Status drop_old(Session& session) {
  auto progress = rekey(session);
  if (!progress) return progress.error();
  if (!progress->done)
    return Error(Code::kConflict, "not all Secrets are sealed under the newest key yet");
  auto keys = read_keys(session.layout());
  if (!keys) return keys.error();
  size_t old = keys->size() - 1;
  keys->drop_old();
  if (Status s = write_keys(session.layout(), *keys); !s) return s;
  std::printf("%zu old %s removed from %s; backups made before need them still\n", old,
              old == 1 ? "key was" : "keys were", session.layout().pki("secrets.keys").c_str());
  return {};
}

Status rotate(Session& session, bool drop) {
  auto keys = read_keys(session.layout());
  if (!keys) return keys.error();
  bus::Ports ports = session.host().ports();
  secrets::Key key =
      secrets::make_key(ports.random, codec::format_time(ports.clock.wall_ns() / kNanos));
  std::string id = secrets::id_text(key.id);
  keys->add_newest(std::move(key));
  if (Status s = write_keys(session.layout(), *keys); !s) return s;
  std::printf("key %s is the newest in %s\n", id.c_str(),
              session.layout().pki("secrets.keys").c_str());
  if (Status s = wait_until_done(session); !s) return s;
  if (drop) return drop_old(session);
  std::printf("the old key may be dropped: kubus secrets drop-old\n");
  return {};
}

Status keys_of(Session& session) {
  auto keys = read_keys(session.layout());
  if (!keys) return keys.error();
  auto progress = rekey(session);
  if (!progress) return progress.error();
  for (const secrets::Key& key : keys->keys()) {
    bool newest = key.id == keys->newest().id;
    std::printf("%s  %-20s  %s\n", secrets::id_text(key.id).c_str(), key.made.c_str(),
                newest           ? "seals what is written"
                : progress->done ? "may be dropped"
                                 : "in use");
  }
  return {};
}

Status run(const Invocation& call) {
  std::string word = call.words.empty() ? "keys" : call.words[0];
  if (call.words.size() > 1 || (word != "keys" && word != "rotate" && word != "drop-old"))
    return Error(Code::kBadRequest, "it is `kubus secrets keys`, `rotate` or `drop-old`");
  auto session = Session::open(call);
  if (!session) return session.error();
  if (word == "keys") return keys_of(**session);
  if (word == "drop-old") return drop_old(**session);
  return rotate(**session, call.options["drop-old"].as<bool>());
}

}  // namespace

const Command kSecrets{
    .name = "secrets",
    .summary = "the keys that seal Secrets on disk: which there are, a new one, the old ones away",
    .usage = "kubus secrets [keys | rotate [--drop-old] | drop-old]",
    .examples = "  kubus secrets rotate\n  kubus secrets drop-old\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
