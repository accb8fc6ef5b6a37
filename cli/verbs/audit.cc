#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "bus/kit/feed.h"
#include "bus/kit/requests.h"
#include "cli/output/event_text.h"
#include "cli/past/leaves.h"
#include "cli/reads.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr int64_t kNanosPerMicro = 1'000;

void add_options(po::options_description_easy_init add) {
  add("since", po::value<std::string>()->default_value("-1h"),
      "from then on: a revision, an RFC 3339 time, or -10m");
  add("user", po::value<std::string>()->default_value(""), "of this user or actor alone");
  add("refused", po::bool_switch(), "what was refused alone");
  add("allowed", po::bool_switch(), "what was done alone");
  add("kind", po::value<std::string>()->default_value(""),
      "of this resource alone, as in \"pods\"");
  add("name", po::value<std::string>()->default_value(""), "of objects of this name alone");
  add("namespace,n", po::value<std::string>()->default_value(""), "of this namespace alone");
  add("diff", po::bool_switch(), "show what each change changed");
  add("output,o", po::value<std::string>()->default_value("line"),
      "line or json (one object a line)");
}

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}
std::string shown_time(int64_t ns) {
  return codec::format_micro_time(ns / kNanosPerMicro);
}

struct Wanted {
  std::string user, kind, ns, name;
  bool refused = true, allowed = true, diff = false, json = false;

  // Of an event or of a refusal.
  template <class T>
  bool takes(const T& t) const {
    auto is = [](const std::string& wanted, const flatbuffers::String* s) {
      return wanted.empty() || text(s) == wanted;
    };
    bool who = user.empty() || is(user, t.user()) || is(user, t.actor());
    return who && is(kind, t.resource()) && is(ns, t.namespace_()) && is(name, t.name());
  }
};

Result<Wanted> wanted_of(const Invocation& call) {
  const auto& o = call.options;
  Wanted w;
  w.user = o["user"].as<std::string>();
  w.ns = o["namespace"].as<std::string>();
  w.name = o["name"].as<std::string>();
  w.diff = o["diff"].as<bool>();
  if (o["refused"].as<bool>() != o["allowed"].as<bool>()) {
    w.refused = o["refused"].as<bool>();
    w.allowed = o["allowed"].as<bool>();
  }
  std::string output = o["output"].as<std::string>();
  if (output != "line" && output != "json")
    return Error(Code::kBadRequest, "-o must be line or json");
  w.json = output == "json";
  if (std::string kind = o["kind"].as<std::string>(); !kind.empty()) {
    const schema::KindInfo* known = schema::Registry::get().by_user_word(kind);
    if (known == nullptr) return Error(Code::kBadRequest, "there is no kind \"" + kind + "\"");
    w.kind = known->resource;
  }
  return w;
}

class Ledger {
 public:
  Ledger(Session& session, const Wanted& wanted) : session_(session), wanted_(wanted) {}

  Status print(const At& since) {
    if (Status s = read_refusals(since); !s) return s;
    auto after = begin_of(since);
    if (!after) return after.error();
    if (Status s = read_events(*after); !s) return s;
    print_refusals(INT64_MAX);
    if (dropped_ > 0 && wanted_.refused)
      std::fprintf(stderr, "%llu more refusals were dropped: only the newest are kept\n",
                   static_cast<unsigned long long>(dropped_));
    return {};
  }

 private:
  static std::string who(const flatbuffers::String* actor, const flatbuffers::String* user,
                         const flatbuffers::String* source) {
    std::string out = text(user).empty() ? text(actor) : text(user);
    if (!text(source).empty()) out += " from " + text(source);
    return out;
  }
  template <class T>
  static std::string target(const T& t) {
    std::string out = text(t.resource());
    if (!text(t.group()).empty()) out += "." + text(t.group());
    for (const auto* part : {t.namespace_(), t.name()}) {
      if (!text(part).empty()) out += "/" + text(part);
    }
    return text(t.subresource()).empty() ? out : out + " (" + text(t.subresource()) + ")";
  }
  template <class T>
  static json::object who_and_what(const T& t, bool allowed, const std::string& verb) {
    json::object o{{"time", shown_time(t.time())},
                   {"decision", allowed ? "allowed" : "refused"},
                   {"verb", verb},
                   {"actor", text(t.actor())}};
    auto add = [&](const char* key, const flatbuffers::String* s) {
      if (!text(s).empty()) o[key] = text(s);
    };
    add("user", t.user());
    add("source", t.source());
    add("request", t.request_id());
    add("group", t.group());
    add("resource", t.resource());
    add("namespace", t.namespace_());
    add("name", t.name());
    add("subresource", t.subresource());
    return o;
  }

  static std::string lower(const char* name) {
    std::string out(name);
    for (char& c : out) c = static_cast<char>(std::tolower(c));
    return out;
  }

  Status read_refusals(const At& since) {
    for (uint64_t after = 0;;) {
      wire::RequestT request;
      auto op = std::make_unique<wire::OperationT>();
      op->verb = wire::Verb::Audit;
      op->after = after;
      request.operations.push_back(std::move(op));
      auto answer = session_.call(std::move(request));
      if (!answer) return answer.error();
      const auto* page = answer->outcome().refusals();
      dropped_ = answer->outcome().count();
      for (size_t i = 0; page && i < page->size(); ++i) {
        const wire::Refusal& r = *page->Get(i);
        after = r.sequence();
        bool allowed = text(r.reason()).empty();
        if (!(allowed ? wanted_.allowed : wanted_.refused) || !wanted_.takes(r)) continue;
        if (r.last_time() < since.time_ns) continue;
        refusals_.emplace_back();
        r.UnPackTo(&refusals_.back());
      }
      if (!page || page->size() == 0) break;
    }
    std::stable_sort(refusals_.begin(), refusals_.end(),
                     [](const auto& a, const auto& b) { return a.time < b.time; });
    return {};
  }

  void print_refusals(int64_t until) {
    for (; next_ < refusals_.size() && refusals_[next_].time <= until; ++next_) {
      flatbuffers::FlatBufferBuilder b;
      b.Finish(wire::CreateRefusal(b, &refusals_[next_]));
      print_one(*flatbuffers::GetRoot<wire::Refusal>(b.GetBufferPointer()));
    }
  }

  void print_one(const wire::Refusal& r) {
    bool allowed = text(r.reason()).empty();
    std::string verb = lower(wire::EnumNameVerb(r.verb()));
    if (wanted_.json) {
      json::object o = who_and_what(r, allowed, verb);
      if (!allowed) o["reason"] = text(r.reason());
      if (!text(r.message()).empty()) o["message"] = text(r.message());
      o["count"] = r.count();
      if (r.count() > 1) o["last"] = shown_time(r.last_time());
      return void(std::printf("%s\n", json::serialize(o).c_str()));
    }
    std::string line = shown_time(r.time()) + (allowed ? "  allowed  " : "  refused  ") +
                       who(r.actor(), r.user(), r.source()) + "  " + verb + " " + target(r);
    if (!allowed) line += "  " + text(r.reason());
    if (!text(r.message()).empty()) line += ": " + text(r.message());
    if (r.count() > 1)
      line += " (" + std::to_string(r.count()) + " times until " + shown_time(r.last_time()) + ")";
    std::printf("%s\n", line.c_str());
  }

  // ---- what was done ----

  // The first event behind a revision; nullopt: there is none.
  Result<std::optional<kit::EventView>> first_after(uint64_t after) {
    wire::RequestT request = kit::events_after_request({}, Revision(after));
    request.operations[0]->max_bytes = 1;
    auto answer = session_.call(std::move(request));
    if (!answer) return answer.error();
    head_ = answer->outcome().head();
    const auto* events = answer->outcome().events();
    if (!events || events->size() == 0) return std::optional<kit::EventView>();
    const auto* bytes = events->Get(0)->bytes();
    return kit::EventView::from(answer->payload().part({bytes->data(), bytes->size()}));
  }

  // The revision after which to read: by halves, for events are in the order of time.
  Result<uint64_t> begin_of(const At& since) {
    if (since.revision > 0) return since.revision - 1;
    auto newest = first_after(UINT64_MAX >> 1);
    if (!newest) return newest.error();
    uint64_t low = 0, high = head_;
    while (low < high) {
      uint64_t middle = low + (high - low) / 2;
      auto event = first_after(middle);
      bool compacted = !event && event.error().code == Code::kExpired;
      if (!event && !compacted) return event.error();
      if (compacted || (*event && (**event)->time() < since.time_ns))
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  Status read_events(uint64_t after) {
    if (!wanted_.allowed) return {};
    while (true) {
      auto answer = session_.call(kit::events_after_request({}, Revision(after)));
      if (!answer) return answer.error();
      const auto* events = answer->outcome().events();
      if (!events || events->size() == 0) return {};
      for (const auto* item : *events) {
        const auto* bytes = item->bytes();
        auto event = kit::EventView::from(answer->payload().part({bytes->data(), bytes->size()}));
        if (!event) return Error(Code::kInternal, "the store sent a malformed event");
        after = event->revision().value();
        if (!wanted_.takes(event->event())) continue;
        print_refusals((*event)->time());
        print_one(*event);
      }
    }
  }

  void print_one(const kit::EventView& event) {
    const wire::Event& e = event.event();
    std::string verb = lower(wire::EnumNameEventType(e.type())), changed;
    json::array paths;
    for (size_t i = 0; e.changed() && i < e.changed()->size(); ++i) {
      changed += (i ? ", " : "") + e.changed()->Get(static_cast<unsigned>(i))->str();
      paths.emplace_back(e.changed()->Get(static_cast<unsigned>(i))->str());
    }
    std::string diff = wanted_.diff ? diff_of(event) : "";
    if (wanted_.json) {
      json::object o = who_and_what(e, true, verb);
      o["revision"] = e.revision();
      if (!paths.empty()) o["changed"] = std::move(paths);
      if (!diff.empty()) o["diff"] = diff;
      return void(std::printf("%s\n", json::serialize(o).c_str()));
    }
    std::printf("%s  allowed  %s  %s %s  revision %llu%s%s\n%s", shown_time(e.time()).c_str(),
                who(e.actor(), e.user(), e.source()).c_str(), verb.c_str(), target(e).c_str(),
                static_cast<unsigned long long>(e.revision()), changed.empty() ? "" : "  ",
                changed.c_str(), diff.c_str());
  }

  std::string diff_of(const kit::EventView& event) {
    auto now = event.object();
    if (!now || event->type() != wire::EventType::Modified) return "";
    wire::RequestT request = kit::request_for(
        wire::Verb::Get, {&now->kind(), text(event->namespace_()), text(event->name())});
    request.operations[0]->revision = event->previous_object();
    request.operations[0]->match = wire::ListMatch::Exact;
    auto answer = session_.call(std::move(request));
    if (!answer) return "  (what was before is compacted)\n";
    const auto* bytes = answer->outcome().object();
    auto before =
        bytes ? Object::from(now->kind(), answer->payload().part({bytes->data(), bytes->size()}))
              : std::nullopt;
    if (!before) return "";
    return difference(*before, *now);
  }

  Session& session_;
  const Wanted& wanted_;
  std::vector<wire::RefusalT> refusals_;
  size_t next_ = 0;
  uint64_t dropped_ = 0, head_ = 0;
};

Status run(const Invocation& call) {
  auto wanted = wanted_of(call);
  if (!wanted) return wanted.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto since = parse_at("--since", call.options["since"].as<std::string>(),
                        (*session)->host().ports().clock.wall_ns());
  if (!since) return since.error();
  return Ledger(**session, *wanted).print(*since);
}

}  // namespace

const Command kAudit{
    .name = "audit",
    .summary = "who did what from where, and who was refused what",
    .usage =
        "kubus audit [--since T] [--user U] [--refused | --allowed] [--kind K] [--name N] [-n NS] "
        "[--diff] [-o line|json]",
    .examples =
        "  kubus audit --refused --since -24h\n"
        "  kubus audit --user kubus-admin --diff\n"
        "  kubus audit --kind secrets -n shop -o json\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
