#include <cstdio>
#include <fstream>
#include <sstream>

#include "bus/kit/requests.h"
#include "cli/changes.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("patch,p", po::value<std::string>()->default_value(""), "the patch, as JSON");
  add("patch-file", po::value<std::string>()->default_value(""), "a file that holds it");
  add("type", po::value<std::string>()->default_value("strategic"), "strategic, merge or json");
  add("subresource", po::value<std::string>()->default_value(""), "such as status");
  add("dry-run", po::bool_switch(), "let the store check it and change nothing");
}

Result<std::string> patch_text(const Invocation& call) {
  std::string text = call.options["patch"].as<std::string>();
  std::string file = call.options["patch-file"].as<std::string>();
  if (text.empty() == file.empty())
    return Error(Code::kBadRequest, "give the patch by -p or by --patch-file");
  if (file.empty()) return text;
  std::ifstream in(file);
  std::ostringstream all;
  all << in.rdbuf();
  if (!in) return Error(Code::kBadRequest, file + " cannot be read");
  return all.str();
}

Result<wire::PatchType> type_of(const Invocation& call) {
  std::string type = call.options["type"].as<std::string>();
  if (type == "strategic") return wire::PatchType::Strategic;
  if (type == "merge") return wire::PatchType::Merge;
  if (type == "json") return wire::PatchType::Json;
  return Error(Code::kBadRequest, "--type must be strategic, merge or json, not \"" + type + "\"");
}

Status run(const Invocation& call) {
  auto text = patch_text(call);
  if (!text) return text.error();
  auto type = type_of(call);
  if (!type) return type.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto keys = selected_keys(**session, call);
  if (!keys) return keys.error();
  for (const ObjectKey& key : *keys) {
    auto before = (*session)->get(key);
    if (!before) return before.error();
    kit::WriteOptions options;
    options.subresource = call.options["subresource"].as<std::string>();
    wire::RequestT request = kit::merge_patch_request(key, *text, options);
    request.operations[0]->patch_type = *type;
    request.dry_run = call.options["dry-run"].as<bool>();
    auto answer = (*session)->call(std::move(request));
    if (!answer) return answer.error();
    bool same = Revision(answer->outcome().revision()) == before->revision();
    std::printf("%s patched%s\n", display_name(*key.kind, key.name).c_str(),
                same ? " (no change)" : "");
  }
  return {};
}

}  // namespace

const Command kPatch{
    .name = "patch",
    .summary = "change some fields of objects",
    .usage = "kubus patch KIND NAME… | KIND/NAME… -p PATCH [--type strategic|merge|json]",
    .examples =
        "  kubus patch deployment/web -p '{\"spec\":{\"replicas\":3}}'\n"
        "  kubus patch node n1 --type json -p "
        "'[{\"op\":\"remove\",\"path\":\"/spec/taints\"}]'\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
