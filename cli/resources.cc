#include "cli/resources.h"

#include <sstream>

namespace kubus::cli {
namespace {

Result<const schema::KindInfo*> kind_of(const std::string& word) {
  const schema::KindInfo* kind = schema::Registry::get().by_user_word(word);
  if (kind && kind->stored) return kind;
  std::string known;
  for (const auto& k : schema::Registry::get().kinds()) {
    if (k->stored) known += (known.empty() ? "" : ", ") + k->resource;
  }
  return Error(Code::kBadRequest, "there is no kind \"" + word + "\"; known: " + known);
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) out.push_back(part);
  return out;
}

}  // namespace

void add_namespace_options(po::options_description_easy_init& add) {
  add("namespace,n", po::value<std::string>()->default_value("default"), "the namespace");
  add("all-namespaces,A", po::bool_switch(), "every namespace");
}

void add_selector_options(po::options_description_easy_init& add) {
  add("selector,l", po::value<std::string>()->default_value(""),
      "labels: a=b,c!=d,e in (f,g),h,!i");
  add("field-selector", po::value<std::string>()->default_value(""),
      "fields: status.phase=Running,spec.nodeName!=n1");
}

Result<std::vector<Selection>> selections_of(const Invocation& call) {
  if (call.words.empty())
    return Error(Code::kBadRequest, "name a kind, as in `pods` or `pods/web`");
  bool all = call.options.count("all-namespaces") && call.options["all-namespaces"].as<bool>();
  std::string ns = all ? "" : call.options["namespace"].as<std::string>();
  std::vector<Selection> out;
  auto add = [&](const std::string& word) -> Status {
    auto kind = kind_of(word);
    if (!kind) return kind.error();
    out.push_back({*kind, (*kind)->namespaced ? ns : "", {}});
    return {};
  };
  if (call.words[0].find('/') != std::string::npos) {
    for (const std::string& word : call.words) {
      size_t slash = word.find('/');
      if (slash == std::string::npos)
        return Error(Code::kBadRequest, "\"" + word + "\" must be KIND/NAME like the others");
      if (Status s = add(word.substr(0, slash)); !s) return s.error();
      out.back().names.push_back(word.substr(slash + 1));
    }
  } else {
    for (const std::string& word : split(call.words[0], ',')) {
      if (Status s = add(word); !s) return s.error();
      out.back().names.assign(call.words.begin() + 1, call.words.end());
    }
  }
  if (all && !out[0].names.empty())
    return Error(Code::kBadRequest, "names and --all-namespaces do not go together");
  return out;
}

std::string display_name(const schema::KindInfo& kind, std::string_view name) {
  return kind.singular + (kind.group.empty() ? "" : "." + kind.group) + "/" + std::string(name);
}

}  // namespace kubus::cli
