#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <deque>

#include "bus/kit/informer.h"
#include "cli/output/event_text.h"
#include "cli/past/keys.h"
#include "cli/past/moment.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "cli/watch/screen.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

constexpr size_t kMostTail = 200;
constexpr std::chrono::milliseconds kDrawEvery{100};
constexpr int64_t kNanosPerSecond = 1'000'000'000;

void add_options(po::options_description_easy_init add) {
  add("namespace,n", po::value<std::string>()->default_value(""),
      "of this namespace alone (default: all)");
}

bool is_noise(const wire::Event& e) {
  std::string_view resource = e.resource() ? e.resource()->string_view() : "";
  return resource == "leases" || resource == "events";
}

// The terminal while it shows frames; as it was when this ends.
class Canvas {
 public:
  Canvas() { put("\x1b[?1049h\x1b[?25l"); }
  ~Canvas() { put("\x1b[?25h\x1b[?1049l"); }
  Canvas(const Canvas&) = delete;

  static void draw(const std::vector<ScreenLine>& lines) {
    std::string out = "\x1b[H";
    for (size_t i = 0; i < lines.size(); ++i)
      out += (i ? "\r\n" : "") + styled(lines[i]) + "\x1b[K";
    put(out + "\x1b[J");
  }

 private:
  static std::string styled(const ScreenLine& line) {
    switch (line.style) {
      case ScreenLine::Style::kTitle:
        return "\x1b[1m" + line.text + "\x1b[0m";
      case ScreenLine::Style::kHead:
        return "\x1b[2m" + line.text + "\x1b[0m";
      case ScreenLine::Style::kBad:
        return "\x1b[31m" + line.text + "\x1b[0m";
      case ScreenLine::Style::kPlain:
        break;
    }
    return line.text;
  }
  static void put(const std::string& bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
  }
};

// What is shown, kept current by events.
class View {
 public:
  View(Session& session, const std::string& ns, Revision tail_from)
      : session_(session),
        ns_(ns),
        feed_(
            session.host().ports(), session.client(), {}, tail_from,
            [this](const kit::EventView& e) { on_event(e); }, [this] { on_expired(); },
            [this](Revision) { current_ = true; }) {
    const schema::Registry& registry = schema::Registry::get();
    add(registry.by_resource("", "nodes"));
    add(registry.by_resource("apps", "deployments"));
    add(registry.by_resource("", "pods"));
  }

  bool complete() const {
    bool all = current_;
    for (const auto& i : informers_) all &= i->synced();
    return all;
  }
  bool take_dirty() { return std::exchange(dirty_, false); }
  void touch() { dirty_ = true; }

  Screen screen() const {
    int64_t now = session_.now_ns();
    Screen out;
    out.title = "cluster " + session_.client().options().cluster.value() +
                (ns_.empty() ? "" : ", namespace " + ns_) + "   revision " +
                std::to_string(feed_.position().value()) + "   " +
                codec::format_time(now / kNanosPerSecond) +
                (session_.host().ports().bus.connected() ? "" : "   (not connected)");
    for (const auto& i : informers_) {
      std::vector<Object> objects;
      for (const auto& [key, object] : i->all()) objects.push_back(object);
      const schema::KindInfo& kind = *i->options().kind;
      out.tables.push_back(
          table_of(kind, objects, ns_.empty() && kind.namespaced, now / kNanosPerSecond));
    }
    out.tail.assign(tail_.begin(), tail_.end());
    return out;
  }

 private:
  void add(const schema::KindInfo* kind) {
    kit::InformerOptions options;
    options.kind = kind;
    if (kind->namespaced) options.ns = ns_;
    informers_.push_back(std::make_unique<kit::Informer>(session_.host().ports(), session_.client(),
                                                         std::move(options)));
    informers_.back()->on_change([this](const kit::Informer::Change&) { dirty_ = true; });
    informers_.back()->on_synced([this] { dirty_ = true; });
    informers_.back()->start();
  }

  void on_event(const kit::EventView& event) {
    std::string_view in = event->namespace_() ? event->namespace_()->string_view() : "";
    if (is_noise(event.event()) || (!ns_.empty() && !in.empty() && in != ns_)) return;
    tail_.push_back(event_line(event));
    if (tail_.size() > kMostTail) tail_.pop_front();
    dirty_ = true;
  }
  // The tail goes on where the tables are.
  void on_expired() {
    Revision now;
    for (const auto& i : informers_) now = std::max(now, i->position());
    feed_.restart(now);
  }

  Session& session_;
  std::string ns_;
  std::deque<std::string> tail_;
  bool current_ = false, dirty_ = true;
  kit::Feed feed_;
  std::vector<std::unique_ptr<kit::Informer>> informers_;
};

struct Size {
  size_t width = 80, height = 24;
};

Size parse_size(const std::string& text) {
  boost::system::error_code failed;
  boost::json::value v = boost::json::parse(text, failed);
  if (failed || !v.is_object()) return {};
  return {v.at("Width").to_number<size_t>(failed), v.at("Height").to_number<size_t>(failed)};
}

Status show_live(Session& session, View& view) {
  Canvas canvas;
  Size size;
  bool quit = false;
  Terminal terminal(session.host().loop());
  terminal.on_size([&](const std::string& text) {
    size = parse_size(text);
    view.touch();
  });
  Keys keys(session.host().loop(), [&](char key) { quit |= key == 'q'; });
  std::unique_ptr<bus::Timer> timer;
  int64_t shown_second = 0;
  std::function<void()> tick = [&] {
    int64_t second = session.now_ns() / kNanosPerSecond;  // ages grow by themselves
    if (view.take_dirty() || second != shown_second)
      Canvas::draw(lay_out(view.screen(), size.width, size.height));
    shown_second = second;
    timer = session.host().ports().clock.after(kDrawEvery, tick);
  };
  tick();
  session.run_until([&] { return quit || std::ferror(stdout) != 0; });
  return {};
}

Status run(const Invocation& call) {
  if (!call.words.empty()) return Error(Code::kBadRequest, "watch takes no words");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto kept = kept_by(**session);
  if (!kept) return kept.error();
  uint64_t newest = kept->newest.value();
  Revision from(newest > kMostTail ? newest - kMostTail : 0);
  View view(**session, call.options["namespace"].as<std::string>(), std::max(from, kept->oldest));
  if (Terminal::is_terminal(STDOUT_FILENO)) return show_live(**session, view);
  if (!(*session)->run_until([&] { return view.complete(); })) return {};
  for (const ScreenLine& line : lay_out(view.screen(), 0, 0))
    std::printf("%s\n", line.text.c_str());
  return {};
}

}  // namespace

const Command kWatch{
    .name = "watch",
    .summary = "the cluster on the terminal, as it changes; q ends",
    .usage = "kubus watch [-n NAMESPACE]",
    .examples = "  kubus watch\n  kubus watch -n shop\n  kubus watch | cat      one frame\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
