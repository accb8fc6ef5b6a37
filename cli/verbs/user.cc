#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>

#include "bus/kit/requests.h"
#include "cli/cluster/files.h"
#include "cli/cluster/passwords.h"
#include "cli/output/printer.h"
#include "cli/session.h"
#include "cli/users/credentials.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr auto kMostWait = std::chrono::seconds(10);

void add_options(po::options_description_easy_init add) {
  add("may", po::value<std::vector<std::string>>()->multitoken()->composing(),
      "what the user may: watch:RESOURCE[.GROUP][/NAMESPACE[/NAME]], likewise get:, history:, "
      "stream: and "
      "write:; "
      "admission:NAME; * for all kinds");
  add("out", po::value<std::string>()->default_value(""),
      "the file of the credentials, which must not be there yet (else standard output)");
}

const schema::KindInfo& users() {
  return *schema::Registry::get().by_resource("kubus.io", "users");
}

// Given one by one, or with commas between.
Result<std::vector<std::string>> rights_of(const Invocation& call) {
  std::vector<std::string> out;
  if (call.options.count("may")) {
    for (const std::string& given : call.options["may"].as<std::vector<std::string>>()) {
      for (size_t at = 0; at <= given.size();) {
        size_t end = std::min(given.find(',', at), given.size());
        out.push_back(given.substr(at, end - at));
        at = end + 1;
      }
    }
  }
  if (out.empty()) return Error(Code::kBadRequest, "say with --may what the user may");
  for (const std::string& text : out) {
    if (auto grant = bus::parse_grant(text); !grant) return grant.error();
  }
  return out;
}

Status send_user(Session& session, const std::string& name, const std::vector<std::string>& may,
                 const std::string& hash) {
  json::array rights;
  for (const std::string& right : may) rights.emplace_back(right);
  json::value object{{"metadata", {{"name", name}}},
                     {"spec", {{"may", rights}, {"passwordHash", hash}}}};
  auto request = kit::create_request(users(), "", object, {});
  if (!request) return request.error();
  auto answer = session.call(*std::move(request));
  return answer ? Status() : Status(answer.error());
}

// Until the bus lets the user in.
bool await_entry(Session& session, const json::object& credentials) {
  bus::Credentials c{.cluster = std::string(credentials.at("cluster").as_string()),
                     .actor = std::string(credentials.at("actor").as_string()),
                     .servers = {std::string(credentials.at("servers").at(0).as_string())},
                     .user = std::string(credentials.at("user").as_string()),
                     .password = std::string(credentials.at("password").as_string())};
  auto admin = bus::read_credentials(session.layout().credentials("admin"));
  if (admin) c.ca_file = admin->ca_file;
  bus::Host host(
      {.component = "kubus", .credentials = c, .log_level = bus::Level::kError, .workers = 1});
  bool in = false;
  auto state = host.ports().bus.watch_state([&](bus::BusState s) {
    in = s == bus::BusState::kConnected;
    if (in) host.stop();
  });
  auto limit = host.ports().clock.after(kMostWait, [&] { host.stop(); });
  host.run();
  return in;
}

Status create(const Invocation& call) {
  if (call.words.size() != 2)
    return Error(Code::kBadRequest, "say `kubus user create NAME --may RIGHT…`");
  const std::string& name = call.words[1];
  std::string out = call.options["out"].as<std::string>();
  auto may = rights_of(call);
  if (!may) return may.error();
  if (!out.empty() && exists(out)) return Error(Code::kBadRequest, out + " is there already");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto config = read_config((*session)->layout());
  if (!config) return config.error();
  auto ca = read_file((*session)->layout().pki("ca.crt"));
  std::string password = random_password();
  auto hash = bcrypt_hash(password);
  if (!hash) return hash.error();
  json::object credentials = credentials_of(*config, name, password, *may, ca ? *ca : "");
  std::string text = json::serialize(credentials) + "\n";
  // First the file: a user whose password is nowhere would be of no use.
  if (!out.empty()) {
    if (Status s = write_file(out, text, 0600); !s) return s;
  }
  if (Status s = send_user(**session, name, *may, *hash); !s) {
    if (!out.empty()) ::unlink(out.c_str());
    return s;
  }
  if (out.empty()) {
    std::fputs(text.c_str(), stdout);
  } else {
    std::printf("user %s created; its credentials are in %s, and nowhere else\n", name.c_str(),
                out.c_str());
  }
  if (!await_entry(**session, credentials))
    std::fprintf(stderr, "the bus does not let it in yet; see %s/users.log\n",
                 (*session)->layout().logs().c_str());
  return {};
}

Status list(const Invocation& call) {
  auto session = Session::open(call);
  if (!session) return session.error();
  auto page = (*session)->list_all(users(), "", "", "");
  if (!page) return page.error();
  if (page->items.empty()) {
    std::fprintf(stderr, "there are no users from outside\n");
    return {};
  }
  print_objects(users(), page->items, Output::kTable, false, false,
                (*session)->host().ports().clock.wall_seconds());
  return {};
}

Status remove(const Invocation& call) {
  if (call.words.size() < 2) return Error(Code::kBadRequest, "say `kubus user delete NAME…`");
  auto session = Session::open(call);
  if (!session) return session.error();
  for (size_t i = 1; i < call.words.size(); ++i) {
    auto answer =
        (*session)->call(kit::delete_request({&users(), "", call.words[i]}, std::nullopt, {}));
    if (!answer) return answer.error();
    std::printf("user %s deleted\n", call.words[i].c_str());
  }
  return {};
}

Status run(const Invocation& call) {
  std::string what = call.words.empty() ? "" : call.words[0];
  if (what == "create") return create(call);
  if (what == "list") return list(call);
  if (what == "delete") return remove(call);
  return Error(Code::kBadRequest, "say `kubus user create`, `list` or `delete`");
}

}  // namespace

const Command kUser{
    .name = "user",
    .summary = "let programs from outside join over the bus, and end that",
    .usage = "kubus user create NAME --may RIGHT… [--out FILE] | list | delete NAME…",
    .examples =
        "  kubus user create dashboard --may watch:pods watch:deployments/shop --out "
        "dashboard.json\n"
        "  kubus user create guard --may admission:images --out guard.json\n"
        "  kubus user create labeller --may watch:pods/shop,write:pods/shop --out labeller.json\n"
        "  kubus user delete dashboard\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
