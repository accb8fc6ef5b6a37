#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/decode/payload.h"
#include "cli/output/pretty_json.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

void add_options(po::options_description_easy_init add) {
  add("hex", po::bool_switch(), "standard input is hexadecimal digits");
  add("base64", po::bool_switch(), "standard input is base64");
  add("as", po::value<std::string>()->default_value(""),
      "event, head, request, replies, command or text (default: what the subject says, or what it "
      "looks like)");
  add("kind", po::value<std::string>()->default_value(""), "of the objects in replies");
  add("with-secrets", po::bool_switch(), "show what requests and replies hold of Secrets too");
  add("subscribe", po::value<std::string>()->default_value(""),
      "decode what comes on this subject, wildcards allowed, until Ctrl-C: one object a line");
  add("count", po::value<uint64_t>()->default_value(0),
      "with --subscribe: end after so many; 0: never");
  add("output,o", po::value<std::string>()->default_value("json"),
      "json, or line (one object a line)");
}

Result<Buffer> standard_input() {
  Buffer out;
  uint8_t block[64 * 1024];
  for (;;) {
    ssize_t n = ::read(STDIN_FILENO, block, sizeof block);
    if (n == 0) return out;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return Error(Code::kBadRequest,
                   std::string("cannot read standard input: ") + std::strerror(errno));
    out.insert(out.end(), block, block + n);
  }
}

Status set_up(const Invocation& call, PayloadReader* reader, std::optional<Form>* form) {
  if (std::string word = call.options["as"].as<std::string>(); !word.empty()) {
    auto parsed = parse_form(word);
    if (!parsed) return parsed.error();
    *form = *parsed;
  }
  if (std::string word = call.options["kind"].as<std::string>(); !word.empty()) {
    const auto* kind = schema::Registry::get().by_user_word(word);
    if (kind == nullptr) return Error(Code::kBadRequest, "there is no kind \"" + word + "\"");
    reader->assume_kind(kind);
  }
  return {};
}

Status decode_input(const Invocation& call, PayloadReader* reader, std::optional<Form> form) {
  bool hex = call.options["hex"].as<bool>(), base64 = call.options["base64"].as<bool>();
  if (hex && base64) return Error(Code::kBadRequest, "it is either --hex or --base64");
  auto given = standard_input();
  if (!given) return given.error();
  auto payload = bytes_of(as_text(*given), hex ? "hex" : base64 ? "base64" : "");
  if (!payload) return payload.error();
  if (!form && !call.words.empty()) form = form_of(call.words[0]);
  auto out = reader->read(form, *payload);
  if (!out) return out.error();
  bool line = call.options["output"].as<std::string>() == "line";
  std::printf("%s\n", (line ? json::serialize(*out) : pretty_json(*out)).c_str());
  return {};
}

Status decode_live(const Invocation& call, PayloadReader* reader, std::optional<Form> form) {
  auto session = Session::open(call);
  if (!session) return session.error();
  std::string subject = call.options["subscribe"].as<std::string>();
  const std::string& prefix = (*session)->client().subjects().prefix();
  if (!subject.starts_with(prefix.substr(0, prefix.find('.') + 1))) subject = prefix + subject;
  uint64_t left = call.options["count"].as<uint64_t>();
  bool over = false;
  auto subscription = (*session)->host().ports().bus.subscribe(
      bus::Pattern::given(subject), [&](const bus::Message& m) {
        if (over) return;
        json::object line{{"subject", m.subject}};
        if (!m.reply.empty()) line["reply"] = m.reply;
        auto out = reader->read(form ? form : form_of(m.subject), m.payload.view());
        if (!out) {
          line["error"] = out.error().message;
        } else {
          for (auto& member : *out) line[member.key()] = std::move(member.value());
        }
        std::printf("%s\n", json::serialize(line).c_str());
        std::fflush(stdout);
        over = std::ferror(stdout) != 0 || (left > 0 && --left == 0);
      });
  (*session)->run_until([&] { return over; });
  return {};
}

Status run(const Invocation& call) {
  PayloadReader reader(call.options["with-secrets"].as<bool>());
  std::optional<Form> form;
  if (Status s = set_up(call, &reader, &form); !s) return s;
  if (call.words.size() > 1)
    return Error(Code::kBadRequest, "name one subject, or none: the payload is standard input");
  bool live = !call.options["subscribe"].as<std::string>().empty();
  return live ? decode_live(call, &reader, form) : decode_input(call, &reader, form);
}

}  // namespace

const Command kDecode{
    .name = "decode",
    .summary = "what a message of the bus says, as JSON",
    .usage = "kubus decode [SUBJECT] <PAYLOAD | kubus decode --subscribe PATTERN",
    .examples =
        "  nats sub --raw --count 1 'kubus.default.event.>' | kubus decode\n"
        "  kubus decode --base64 kubus.default.head.cluster <dump\n"
        "  kubus decode --hex --as replies --kind pods <dump\n"
        "  kubus decode --subscribe 'event._.pods.>'     under the cluster's own prefix\n"
        "  kubus decode --subscribe 'head.>' --count 10\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
