#include <boost/json.hpp>
#include <cstdio>

#include "cli/manifests.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("filename,f", po::value<std::vector<std::string>>()->composing(),
      "a file, a folder, or - for standard input");
  add("namespace,n", po::value<std::string>()->default_value("default"),
      "for manifests that name none");
  add("force-conflicts", po::bool_switch(), "take fields over that others own");
  add("dry-run", po::bool_switch(), "let the store check everything and change nothing");
  add("field-manager", po::value<std::string>()->default_value("kubus"),
      "the owner of what is applied");
}

wire::RequestT request_for(const Manifest& m, const po::variables_map& options) {
  wire::RequestT request;
  request.dry_run = options["dry-run"].as<bool>();
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Apply;
  op->group = m.key.kind->group;
  op->resource = m.key.kind->resource;
  op->namespace_ = m.key.ns;
  op->name = m.key.name;
  std::string text = boost::json::serialize(m.value);
  op->patch.assign(text.begin(), text.end());
  op->field_manager = options["field-manager"].as<std::string>();
  op->force = options["force-conflicts"].as<bool>();
  op->field_validation = wire::FieldValidation::Strict;
  request.operations.push_back(std::move(op));
  return request;
}

Result<const char*> apply(Session& session, const Manifest& m, const po::variables_map& options) {
  auto before = session.get(m.key);
  if (!before && before.error().code != Code::kNotFound) return before.error();
  auto answer = session.call(request_for(m, options));
  if (!answer) return answer.error();
  const wire::Outcome& outcome = answer->outcome();
  if (outcome.created()) return "created";
  return before && before->revision().value() == outcome.revision() ? "unchanged" : "configured";
}

// Every manifest is tried, so that one refusal does not hide the next.
Status run(const Invocation& call) {
  std::vector<std::string> paths = call.words;
  if (call.options.count("filename")) {
    auto named = call.options["filename"].as<std::vector<std::string>>();
    paths.insert(paths.end(), named.begin(), named.end());
  }
  auto manifests = read_manifests(paths, call.options["namespace"].as<std::string>());
  if (!manifests) return manifests.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  bool dry = call.options["dry-run"].as<bool>();
  size_t failed = 0;
  for (const Manifest& m : *manifests) {
    auto verdict = apply(**session, m, call.options);
    if (verdict) {
      std::printf("%s %s%s\n", display_name(*m.key.kind, m.key.name).c_str(), *verdict,
                  dry ? " (dry run)" : "");
      continue;
    }
    ++failed;
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", m.source.c_str(), verdict.error().message.c_str());
  }
  if (failed == 0) return {};
  return Error(Code::kInvalid, std::to_string(failed) + " of " + std::to_string(manifests->size()) +
                                   " manifests were refused");
}

}  // namespace

const Command kApply{
    .name = "apply",
    .summary = "bring objects to what manifests say (server-side apply)",
    .usage = "kubus apply -f FILE|FOLDER|- [options]",
    .examples =
        "  kubus apply -f web.yaml\n  cat web.yaml | kubus apply -f -\n  kubus apply -f manifests/ "
        "-n shop --dry-run\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
