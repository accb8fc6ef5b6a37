#include "cli/users/keeper.h"

#include "schemas/access/v1/access_generated.h"

namespace kubus::cli {
namespace {

// Users that are made one after another are told to the server together; a deletion waits no
// longer.
constexpr auto kTogether = std::chrono::milliseconds(10);
constexpr auto kAgain = std::chrono::seconds(1);

KnownUser known(const Object& object) {
  KnownUser out{.name = std::string(object.name()), .password_hash = "", .may = {}};
  const auto* spec = object.as<access::v1::User>()->spec();
  if (spec == nullptr) return out;
  if (spec->password_hash() != nullptr) out.password_hash = spec->password_hash()->str();
  if (spec->may() != nullptr) {
    for (const auto* right : *spec->may()) out.may.push_back(right->str());
  }
  return out;
}

}  // namespace

UserKeeper::UserKeeper(bus::Ports ports, kit::Client& client, Layout layout,
                       std::function<void()> on_written)
    : ports_(ports),
      layout_(std::move(layout)),
      on_written_(std::move(on_written)),
      users_(ports, client, {.kind = schema::Registry::get().by_resource("kubus.io", "users")}) {
  users_.on_progress([this] { on_progress(); });
  users_.start();
}

void UserKeeper::on_progress() {
  if (users_.synced() && !soon_) soon_ = ports_.clock.after(kTogether, [this] { write(); });
}

void UserKeeper::write() {
  soon_.reset();
  std::vector<KnownUser> now;
  for (const auto& [key, object] : users_.all()) {
    if (!object.terminating()) now.push_back(known(object));
  }
  auto before = read_known_users(layout_);
  bool same = before && *before == now;
  if (!same) {
    if (Status s = write_known_users(layout_, now); !s) {
      ports_.log.error(s.error().message);
      soon_ = ports_.clock.after(kAgain, [this] { write(); });
      return;
    }
    ports_.log.info("the bus has " + std::to_string(now.size()) + " users from outside");
  }
  if (!same || !looked_) on_written_();
  looked_ = true;
}

}  // namespace kubus::cli
