#include "services/bridge/config.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "schemas/lib/codec/yaml.h"
#include "schemas/lib/quantity.h"

namespace kubus::bridge {
namespace {

namespace json = boost::json;

constexpr size_t kMostName = 63;
constexpr int64_t kLeastFileBytes = 1024;
constexpr int kMostBatch = 10'000;

// Reads the members of one mapping; the first thing that is wrong is kept, with its path.
class Fields {
 public:
  Fields(const json::value& value, std::string path, Status* problem)
      : path_(std::move(path)), problem_(problem) {
    static const json::object kNone;
    object_ = value.is_object() ? &value.get_object() : &kNone;
    if (!value.is_object()) bad("", "must be a mapping");
  }
  // What nobody asked for is unknown.
  ~Fields() {
    for (const auto& member : *object_) {
      std::string name(member.key());
      if (!asked_.count(name)) bad(name, "is no field here");
    }
  }

  const json::value* find(const char* name) {
    asked_.insert(name);
    const json::value* v = object_->if_contains(name);
    return v && v->is_null() ? nullptr : v;
  }
  void text(const char* name, std::string* out) {
    const json::value* v = find(name);
    if (v && v->is_string()) *out = std::string(v->get_string());
    if (v && !v->is_string()) bad(name, "must be a text");
  }
  void number(const char* name, int64_t least, int64_t most, int64_t* out) {
    const json::value* v = find(name);
    if (!v) return;
    if (v->is_int64() && v->get_int64() >= least && v->get_int64() <= most) {
      *out = v->get_int64();
    } else {
      bad(name, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
  }
  // A text or a list of texts.
  void texts(const char* name, const std::function<Status(const std::string&)>& each) {
    const json::value* v = find(name);
    if (!v) return;
    json::array one;
    one.push_back(*v);
    const json::array& all = v->is_array() ? v->get_array() : one;
    for (const json::value& item : all) {
      Status s = item.is_string() ? each(std::string(item.get_string()))
                                  : Status(Error(Code::kBadRequest, "must hold texts"));
      if (!s) bad(name, s.error().message);
    }
  }
  void bad(const std::string& name, const std::string& why) {
    std::string at = path_ + (path_.empty() || name.empty() ? "" : ".") + name;
    if (*problem_) *problem_ = Error(Code::kBadRequest, (at.empty() ? "" : at + ": ") + why);
  }
  std::string path(const char* name) const { return path_.empty() ? name : path_ + "." + name; }
  Status* problem() { return problem_; }

 private:
  const json::object* object_;
  std::string path_;
  Status* problem_;
  std::set<std::string, std::less<>> asked_;
};

bool plain_name(const std::string& name) {
  return !name.empty() && name.size() <= kMostName && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// "500ms", "10s", "2m".
std::optional<bus::Duration> parse_duration(const std::string& text) {
  int64_t n = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), n);
  std::string unit(end, text.data() + text.size());
  constexpr int64_t kMost = 1'000'000;
  if (problem != std::errc() || n <= 0 || n > kMost) return std::nullopt;
  if (unit == "ms") return std::chrono::milliseconds(n);
  if (unit == "s") return std::chrono::seconds(n);
  if (unit == "m") return std::chrono::minutes(n);
  return std::nullopt;
}

void read_filter(Fields& f, kit::EventFilter* out) {
  auto into = [](std::vector<std::string>* list) {
    return [list](const std::string& s) {
      list->push_back(s);
      return Status();
    };
  };
  f.texts("kinds", [&](const std::string& word) -> Status {
    const auto* kind = schema::Registry::get().by_user_word(word);
    if (!kind || !kind->stored)
      return Error(Code::kBadRequest, "there is no kind \"" + word + "\"");
    out->kinds.push_back(kind);
    return {};
  });
  f.texts("namespaces", into(&out->namespaces));
  f.texts("names", into(&out->names));
  f.texts("nodes", into(&out->nodes));
  f.texts("actors", into(&out->actors));
  f.texts("changed", into(&out->changed));
  f.texts("only", [&](const std::string& word) -> Status {
    auto only = kit::parse_only(word);
    if (!only) return only.error();
    out->only.push_back(*only);
    return {};
  });
  std::string labels;
  f.text("labels", &labels);
  auto selector = selectors::LabelSelector::parse(labels);
  if (!selector) return f.bad("labels", selector.error().message);
  out->labels = *std::move(selector);
}

void read_from(Fields& f, RouteOptions* out) {
  const json::value* v = f.find("from");
  if (!v) return;
  if (v->is_string() && v->get_string() == "now") {
    out->from = RouteOptions::From::kNow;
  } else if (v->is_string() && v->get_string() == "beginning") {
    out->from = RouteOptions::From::kBeginning;
  } else if (v->is_int64() && v->get_int64() >= 0) {
    out->from = RouteOptions::From::kRevision;
    out->revision = Revision(static_cast<uint64_t>(v->get_int64()));
  } else {
    f.bad("from", "must be now, beginning or a revision");
  }
}

// What a header may hold, so that none smuggles in another.
bool header_text(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](unsigned char c) { return (c >= ' ' && c != 0x7F) || c == '\t'; });
}

bool header_name(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_';
  });
}

void read_headers(Fields& f, WebhookOptions* out) {
  const json::value* v = f.find("headers");
  if (!v) return;
  if (!v->is_object()) return f.bad("headers", "must be a mapping of texts");
  for (const auto& [name, value] : v->get_object()) {
    if (!value.is_string() || !header_name(name) || !header_text(value.get_string()))
      return f.bad("headers", "\"" + std::string(name) + "\" is no header");
    out->headers.emplace_back(std::string(name), std::string(value.get_string()));
  }
}

void read_mode(Fields& f, WebhookOptions* out) {
  std::string mode = "structured", refused = "retry";
  f.text("mode", &mode);
  if (mode != "structured" && mode != "batched") f.bad("mode", "must be structured or batched");
  out->batched = mode == "batched";
  int64_t batch = static_cast<int64_t>(out->most_items);
  f.number("batch", 1, kMostBatch, &batch);
  out->most_items = static_cast<size_t>(batch);
  f.text("refused", &refused);
  if (refused != "retry" && refused != "drop") f.bad("refused", "must be retry or drop");
  out->drop_refused = refused == "drop";
}

WebhookConfig read_webhook(const json::value& value, std::string path, Status* problem) {
  WebhookConfig out;
  WebhookOptions& o = out.options;
  Fields f(value, std::move(path), problem);
  std::string url, timeout = "10s";
  f.text("url", &url);
  auto parsed = parse_url(url);
  if (!parsed) f.bad("url", parsed.error().message);
  if (parsed) o.url = *std::move(parsed);
  o.shown = url.substr(0, url.find('?'));
  read_mode(f, &o);
  read_headers(f, &o);
  f.text("tokenFile", &o.token_file);
  f.text("timeout", &timeout);
  auto duration = parse_duration(timeout);
  if (!duration) f.bad("timeout", "must be like 500ms, 10s or 2m");
  o.timeout = duration.value_or(o.timeout);
  f.text("caFile", &out.tls.ca_file);
  f.text("certFile", &out.tls.cert_file);
  f.text("keyFile", &out.tls.key_file);
  if (out.tls.cert_file.empty() != out.tls.key_file.empty())
    f.bad("certFile", "and keyFile go together");
  return out;
}

bool is_subject(const std::string& root) {
  bool begins = true;
  for (char c : root) {
    if (c <= ' ' || c >= 0x7F || c == '*' || c == '>' || c == '$' || (begins && c == '.'))
      return false;
    begins = c == '.';
  }
  return !begins;
}

NatsOptions read_nats(const json::value& value, std::string path, Status* problem) {
  NatsOptions out;
  Fields f(value, std::move(path), problem);
  f.text("prefix", &out.root);
  if (!out.root.empty() && !is_subject(out.root))
    f.bad("prefix", "must be the beginning of a subject, like audit.events");
  return out;
}

FileOptions read_file(const json::value& value, std::string path, Status* problem) {
  FileOptions out;
  Fields f(value, std::move(path), problem);
  f.text("path", &out.path);
  if (out.path.empty()) f.bad("path", "is required");
  std::string size = "100Mi";
  f.text("size", &size);
  auto quantity = Quantity::parse(size);
  if (!quantity || quantity->units() < kLeastFileBytes)
    f.bad("size", "must be at least 1Ki, like 100Mi");
  if (quantity) out.most_bytes = static_cast<uint64_t>(quantity->units());
  int64_t keep = out.keep;
  f.number("keep", 0, 10'000, &keep);
  out.keep = static_cast<int>(keep);
  return out;
}

void read_sink(Fields& f, RouteConfig* out) {
  int sinks = 0;
  if (const json::value* v = f.find("webhook"); v && ++sinks)
    out->sink = read_webhook(*v, f.path("webhook"), f.problem());
  if (const json::value* v = f.find("nats"); v && ++sinks)
    out->sink = read_nats(*v, f.path("nats"), f.problem());
  if (const json::value* v = f.find("file"); v && ++sinks)
    out->sink = read_file(*v, f.path("file"), f.problem());
  if (sinks != 1) f.bad("", "must have one of webhook, nats and file");
}

RouteConfig read_route(const json::value& value, std::string path, Status* problem) {
  RouteConfig out;
  Fields f(value, std::move(path), problem);
  f.text("name", &out.options.name);
  if (!plain_name(out.options.name))
    f.bad("name", "must be small letters, digits and '-', at most 63");
  f.text("source", &out.options.source);
  read_from(f, &out.options);
  if (const json::value* filter = f.find("filter")) {
    Fields inner(*filter, f.path("filter"), problem);
    read_filter(inner, &out.options.filter);
  }
  read_sink(f, &out);
  if (auto* webhook = std::get_if<WebhookConfig>(&out.sink))
    webhook->options.route = out.options.name;
  if (auto* nats = std::get_if<NatsOptions>(&out.sink)) nats->route = out.options.name;
  return out;
}

void read_routes(Fields& f, Config* out) {
  const json::value* routes = f.find("routes");
  if (!routes || !routes->is_array() || routes->get_array().empty())
    return f.bad("routes", "must be a list of at least one");
  std::set<std::string> names, files;
  for (const json::value& v : routes->get_array()) {
    std::string path = "routes[" + std::to_string(out->routes.size()) + "]";
    out->routes.push_back(read_route(v, path, f.problem()));
    const RouteConfig& r = out->routes.back();
    if (!names.insert(r.options.name).second)
      f.bad(path + ".name", "\"" + r.options.name + "\" is there twice");
    const auto* file = std::get_if<FileOptions>(&r.sink);
    if (file && !files.insert(file->path).second)
      f.bad(path + ".file.path", "two routes cannot write one file");
  }
}

}  // namespace

Result<Config> parse_config(std::string_view text) {
  auto documents = codec::parse_yaml(text);
  if (!documents) return documents.error();
  if (documents->size() != 1)
    return Error(Code::kBadRequest,
                 "must hold one document, not " + std::to_string(documents->size()));
  if (!documents->front().problems.empty())
    return Error(Code::kBadRequest, documents->front().problems.front().message);
  Config out;
  Status problem;
  {
    Fields f(documents->front().value, "", &problem);
    f.text("credentials", &out.credentials);
    f.text("state", &out.state);
    read_routes(f, &out);
  }
  if (!problem) return problem.error();
  return out;
}

Result<Config> read_config(const std::string& path) {
  std::ifstream in(path);
  if (!in) return Error(Code::kNotFound, "cannot read " + path + ": " + std::strerror(errno));
  std::string text(std::istreambuf_iterator<char>(in), {});
  auto config = parse_config(text);
  if (!config) return Error(config.error().code, path + ": " + config.error().message);
  return config;
}

}  // namespace kubus::bridge
