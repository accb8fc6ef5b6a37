#include "cli/past/fetch.h"
#include "cli/past/playback.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("from", po::value<std::string>()->default_value(""),
      "it begins there: a revision, an RFC 3339 time, or -10m; what lived before goes along as it "
      "was then (default: all that is kept)");
  add("to", po::value<std::string>()->default_value(""), "the last (default: what is newest now)");
  add("with-secrets", po::bool_switch(), "the contents of Secrets too");
  add("redact", po::bool_switch(),
      "mask the data of ConfigMaps and the environment of containers too");
  add("mask", po::value<std::vector<std::string>>()->composing(),
      "mask what stands there, as configmap/db:data.password or pods:metadata.annotations; may be "
      "given again");
}

// Where values stand that a file for others had better not hold.
constexpr const char* kMasked[] = {"configmaps:data", "configmaps:binaryData"};
constexpr const char* kPodOwners[] = {"deployments.apps", "replicasets.apps"};
constexpr const char* kContainers[] = {"containers", "initContainers"};

std::vector<std::string> usual_paths() {
  std::vector<std::string> out(std::begin(kMasked), std::end(kMasked));
  for (std::string list : kContainers) {
    std::string value = "spec." + list + "[*].env[*].value";
    out.push_back("pods:" + value);
    for (std::string owner : kPodOwners) out.push_back(owner + ":spec.template." + value);
  }
  return out;
}

// KIND[/NAME]:PATH as a person writes it, with the resource's full name.
Result<std::string> path_of(const std::string& text) {
  size_t end = text.find_first_of(":/");
  const auto* kind = schema::Registry::get().by_user_word(text.substr(0, end));
  if (kind == nullptr || text.find(':') == std::string::npos) {
    return Error(
        Code::kBadRequest,
        "--mask takes KIND[/NAME]:PATH, as configmap/db:data.password, not \"" + text + "\"");
  }
  std::string resource = kind->resource;
  if (!kind->group.empty()) resource += "." + kind->group;
  return resource + text.substr(end);
}

Result<std::vector<std::string>> paths_of(const Invocation& call) {
  std::vector<std::string> out;
  if (call.options["redact"].as<bool>()) out = usual_paths();
  if (call.options.count("mask") == 0) return out;
  for (const std::string& text : call.options["mask"].as<std::vector<std::string>>()) {
    auto path = path_of(text);
    if (!path) return path.error();
    out.push_back(*std::move(path));
  }
  return out;
}

Status run(const Invocation& call) {
  if (call.words.size() != 1)
    return Error(Code::kBadRequest, "name one file, as in `kubus export incident.kubus`");
  bool secrets = call.options["with-secrets"].as<bool>();
  if (secrets && (call.options["redact"].as<bool>() || call.options.count("mask") > 0))
    return Error(Code::kBadRequest, "--with-secrets does not go with --redact or --mask");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto range = range_of(**session, call.options["from"].as<std::string>(),
                        call.options["to"].as<std::string>());
  if (!range) return range.error();
  auto paths = paths_of(call);
  if (!paths) return paths.error();
  ExportOptions options{.path = call.words[0],
                        .from = range->from ? range->from.next() : Revision(),
                        .to = range->to,
                        .with_secrets = secrets,
                        .paths = *paths};
  return save_archive(**session, options);
}

}  // namespace

const Command kExport{
    .name = "export",
    .summary =
        "the past in one file, which replay and all verbs of the past read without a cluster",
    .usage = "kubus export FILE [--from AT] [--to AT] [--with-secrets] [--redact] [--mask PATH…]",
    .examples =
        "  kubus export incident.kubus --from -2h\n"
        "  kubus export for-support.kubus --redact --mask deployment/web:metadata.annotations\n"
        "  kubus get pods -A --at 1200 --file incident.kubus\n"
        "  kubus replay --file incident.kubus --speed 60\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
