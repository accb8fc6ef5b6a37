#include "bus/grants.h"

#include <algorithm>
#include <array>

namespace kubus::bus {
namespace {

struct Word {
  std::string_view word;
  Right right;
};
constexpr std::array kWords = {
    Word{"watch", Right::kWatch},     Word{"get", Right::kGet},
    Word{"history", Right::kHistory}, Word{"write", Right::kWrite},
    Word{"stream", Right::kStream},   Word{"admission", Right::kAdmission}};

constexpr size_t kMostName = 253;

Error wrong(std::string_view text, const std::string& why) {
  return Error(Code::kBadRequest, "\"" + std::string(text) + "\": " + why);
}

bool plain(std::string_view name) {
  return !name.empty() && name.size() <= kMostName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == ':' || c == '_';
         });
}

Status take_kind(std::string_view text, std::string_view resource, Grant* grant) {
  if (resource == "*") {
    if (grant->right == Right::kWrite) return wrong(text, "what may be written must be named");
    return {};
  }
  grant->kind = schema::Registry::get().by_user_word(resource);
  if (grant->kind == nullptr || !grant->kind->stored)
    return wrong(text, "there is no kind " + std::string(resource));
  if (grant->kind->group == "kubus.io" && grant->kind->resource == "users")
    return wrong(text, "users are the administrators' alone");
  if (grant->right == Right::kWrite && grant->kind->resource == "serviceaccounts")
    return wrong(text, "who writes service accounts could give itself any right");
  return {};
}

// "", "NAMESPACE", "NAMESPACE/NAME"; of a cluster-scoped kind "NAME".
Status take_place(std::string_view text, std::string_view place, Grant* grant) {
  size_t slash = place.find('/');
  std::string_view first = place.substr(0, slash);
  bool two = slash != std::string_view::npos;
  std::string_view second = two ? place.substr(slash + 1) : std::string_view();
  if (!plain(first) || (two && !plain(second)))
    return wrong(text, "behind the kind stands /NAMESPACE or /NAMESPACE/NAME");
  if (grant->kind == nullptr) return wrong(text, "* has neither namespace nor name");
  if (grant->kind->namespaced) {
    grant->ns = first;
    grant->name = second;
    return {};
  }
  if (two) return wrong(text, grant->kind->resource + " have no namespace");
  grant->name = first;
  return {};
}

}  // namespace

bool Grant::covers(const schema::KindInfo& of, std::string_view in, std::string_view called) const {
  if (right == Right::kAdmission) return false;
  if (kind == nullptr) return !of.confidential;
  return kind == &of && (ns.empty() || ns == in) && (name.empty() || name == called);
}

LaneId Grant::lane() const {
  if (kind == nullptr) return {};
  return {kind->group, kind->resource, ns, name, ""};
}

Result<Grant> parse_grant(std::string_view text) {
  size_t colon = text.find(':');
  std::string_view word = text.substr(0, colon);
  auto found =
      std::find_if(kWords.begin(), kWords.end(), [&](const Word& w) { return w.word == word; });
  if (colon == std::string_view::npos || found == kWords.end())
    return wrong(text, "a right begins with watch:, get:, history:, write:, stream: or admission:");
  Grant grant{.right = found->right};
  std::string_view rest = text.substr(colon + 1);
  if (grant.right == Right::kAdmission) {
    if (!plain(rest)) return wrong(text, "an admission has a name of letters, digits and -._:");
    grant.name = rest;
    return grant;
  }
  size_t slash = rest.find('/');
  if (Status s = take_kind(text, rest.substr(0, slash), &grant); !s) return s.error();
  if (slash == std::string_view::npos) return grant;
  if (Status s = take_place(text, rest.substr(slash + 1), &grant); !s) return s.error();
  return grant;
}

}  // namespace kubus::bus
