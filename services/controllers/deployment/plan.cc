#include "services/controllers/deployment/plan.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "schemas/lib/codec/codec.h"
#include "schemas/meta/v1/meta_generated.h"
#include "services/controllers/deployment/rollout.h"
#include "services/controllers/deployment/status.h"
#include "services/controllers/deployment/template.h"
#include "services/controllers/owners.h"
#include "services/controllers/values.h"

namespace kubus::controllers::deployment {
namespace {

namespace json = boost::json;

int64_t number(std::string_view text) {
  int64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

std::string event_of(const Set& set, int64_t to) {
  return std::string(to > set.spec ? "Scaled up" : "Scaled down") + " replica set " +
         std::string(set.object.name()) + " from " + std::to_string(set.spec) + " to " +
         std::to_string(to);
}

class Planner {
 public:
  Planner(const Observed& o, int64_t now)
      : o_(o),
        now_(now),
        spec_(object_in(o.value, "spec")),
        limits_(limits_of(spec_)),
        text_(template_text(spec_)),
        collisions_(int_in(object_in(o.value, "status"), "collisionCount").value_or(0)) {}

  Plan run() {
    sort_sets();
    if (!o_.deployment.terminating()) {
      bool paused = flag_in(spec_, "paused");
      if (paused || scaled()) {
        if (fresh_) annotate_fresh();
        want(scale(limits_, fresh(), old_));
        note_pause(paused);
      } else {
        note_pause(false);
        roll_out();
      }
      write_changes();
    }
    report();
    return std::move(plan_);
  }

 private:
  Set* fresh() { return fresh_ ? &*fresh_ : nullptr; }

  // ---- what is there ----

  void sort_sets() {
    bool going = o_.deployment.terminating();
    auto matches = [&](const Object& s) {
      return o_.selector.matches([&](std::string_view key) { return s.label(key); });
    };
    std::vector<Set> sets;
    for (const Object& s : o_.sets) {
      if (!matches(s) && !going) {
        plan_.release.push_back(s);
      } else {
        sets.push_back(set_of(s));
      }
    }
    for (const Object& s : o_.orphans) {
      if (going || s.terminating() || !matches(s)) continue;
      plan_.adopt.push_back(s);
      sets.push_back(set_of(s));
    }
    std::sort(sets.begin(), sets.end(), [](const Set& a, const Set& b) {
      return std::make_pair(a.created, a.object.name()) <
             std::make_pair(b.created, b.object.name());
    });
    for (Set& s : sets) {
      newest_ = std::max(newest_, s.revision);
      bool same =
          !fresh_ && !s.object.terminating() && template_text(object_in(s.value, "spec")) == text_;
      if (same) {
        fresh_ = std::move(s);
      } else {
        old_.push_back(std::move(s));
      }
    }
  }

  // Whether somebody changed the number wanted since the sets were last told of it.
  bool scaled() const {
    auto differs = [&](const Set& s) {
      auto desired = s.object.annotation(kDesired);
      return s.spec > 0 && desired && number(*desired) != limits_.wanted;
    };
    return (fresh_ && differs(*fresh_)) || std::any_of(old_.begin(), old_.end(), differs);
  }

  // ---- what shall be ----

  void roll_out() {
    if (!fresh_) {
      if (!make_fresh()) return;
    } else {
      annotate_fresh();
    }
    if (limits_.recreate) {
      bool pods = std::any_of(old_.begin(), old_.end(),
                              [&](const Set& s) { return o_.has_pods(s.object); });
      want(recreate(limits_, fresh(), old_, pods));
    } else {
      want(roll(limits_, fresh(), old_));
    }
    clean_up();
  }

  // False: it has to wait for a name of its own.
  bool make_fresh() {
    std::string hash = template_hash(text_, collisions_);
    fresh_name_ = set_name(o_.deployment, hash);
    if (o_.taken(fresh_name_)) {
      ++collisions_;
      return false;
    }
    // A replacement begins with nothing and grows when the old ones are gone.
    bool old_there = std::any_of(old_.begin(), old_.end(), [](const Set& s) { return s.spec > 0; });
    int64_t replicas =
        limits_.recreate ? (old_there ? 0 : limits_.wanted) : room_for_new(limits_, 0, old_);
    plan_.create = new_set(o_.deployment, o_.value, hash, replicas, limits_.most(), newest_ + 1);
    plan_.event = "Scaled up replica set " + fresh_name_ + " from 0 to " + std::to_string(replicas);
    revision_ = newest_ + 1;
    news_ = News::kCreated;
    return true;
  }

  // The set of the present template has the highest revision, whichever it had before.
  void annotate_fresh() {
    fresh_name_ = std::string(fresh_->object.name());
    revision_ = fresh_->revision;
    bool newest = std::all_of(old_.begin(), old_.end(),
                              [&](const Set& s) { return s.revision < fresh_->revision; });
    if (!newest) {
      revision_ = newest_ + 1;
      std::string history(fresh_->object.annotation(kRevisionHistory).value_or(""));
      if (fresh_->revision > 0) {
        history += (history.empty() ? "" : ",") + std::to_string(fresh_->revision);
        annotate(*fresh_, kRevisionHistory, history);
      }
      annotate(*fresh_, kRevision, std::to_string(revision_));
      news_ = News::kFound;
    }
    for (const auto& a : object_in(object_in(o_.value, "metadata"), "annotations")) {
      if (inherited(a.key()) && a.value().is_string()) {
        annotate(*fresh_, a.key(), std::string(a.value().get_string()));
      }
    }
  }

  void annotate(const Set& set, std::string_view key, const std::string& text) {
    if (set.object.annotation(key) == text) return;
    changes_of(set).annotations[key] = text;
  }

  void want(const std::vector<Wish>& wishes) {
    for (const Wish& w : wishes) {
      if (w.replicas == w.set->spec) continue;
      changes_of(*w.set).replicas = w.replicas;
    }
    auto told = [&](const Set& s) {
      if (s.spec == 0 && !changes_.count(std::string(s.object.name()))) return;
      annotate(s, kDesired, std::to_string(limits_.wanted));
      annotate(s, kMost, std::to_string(limits_.most()));
    };
    if (fresh_) told(*fresh_);
    for (const Set& s : old_) told(s);
  }

  // Old sets without Pods are kept to go back to, but not more than wanted.
  void clean_up() {
    int64_t keep = int_in(spec_, "revisionHistoryLimit").value_or(10);
    std::vector<const Set*> idle;
    for (const Set& s : old_) {
      bool still = s.object.terminating() || s.spec > 0 || s.replicas > 0 ||
                   int_in(object_in(s.value, "status"), "observedGeneration").value_or(0) <
                       s.object.generation();
      if (!still && controller_of(s.object)) idle.push_back(&s);
    }
    std::sort(idle.begin(), idle.end(),
              [](const Set* a, const Set* b) { return a->revision < b->revision; });
    for (size_t i = 0; i + static_cast<size_t>(keep) < idle.size(); ++i) {
      plan_.remove.push_back(idle[i]->object);
    }
  }

  void note_pause(bool paused) {
    bool told = false;
    json::array conditions = array_in(object_in(o_.value, "status"), "conditions");
    for (const json::value& c : conditions) {
      told |= text_in(c.as_object(), "reason") == "DeploymentPaused";
    }
    if (paused && !told) news_ = News::kPaused;
    if (!paused && told && news_ == News::kNone) news_ = News::kResumed;
  }

  // ---- what is written ----

  struct Pending {
    const Set* set = nullptr;
    std::optional<int64_t> replicas;
    json::object annotations;
  };

  Pending& changes_of(const Set& set) {
    Pending& p = changes_[std::string(set.object.name())];
    p.set = &set;
    return p;
  }

  void write_changes() {
    for (auto& [name, p] : changes_) {
      json::object patch;
      if (!p.annotations.empty()) {
        patch["metadata"] = json::object{{"annotations", std::move(p.annotations)}};
      }
      std::string event;
      if (p.replicas) {
        patch["spec"] = json::object{{"replicas", *p.replicas}};
        event = event_of(*p.set, *p.replicas);
      }
      plan_.changes.push_back({p.set->object, json::serialize(patch), std::move(event)});
    }
    if (revision_ > 0 && o_.deployment.annotation(kRevision) != std::to_string(revision_)) {
      plan_.metadata_patch = json::serialize(json::object{
          {"metadata",
           json::object{{"annotations", json::object{{kRevision, std::to_string(revision_)}}}}}});
    }
  }

  void report() {
    if (fresh_ && fresh_name_.empty()) fresh_name_ = std::string(fresh_->object.name());
    StatusInput in{o_.deployment, o_.value, limits_,     fresh(),
                   old_,          news_,    fresh_name_, collisions_};
    StatusOutput out = status_of(in, now_);
    plan_.status_patch = std::move(out.patch);
    plan_.look_in = out.look_in;
  }

  const Observed& o_;
  int64_t now_;
  const json::object& spec_;
  Limits limits_;
  std::string text_;
  int64_t collisions_;
  std::optional<Set> fresh_;
  std::vector<Set> old_;  // the oldest first
  int64_t newest_ = 0, revision_ = 0;
  std::string fresh_name_;
  std::map<std::string, Pending> changes_;
  News news_ = News::kNone;
  Plan plan_;
};

}  // namespace

Set set_of(const Object& object) {
  Set out;
  out.object = object;
  out.value = codec::to_value(object.kind(), object.bytes()).as_object();
  const json::object& status = object_in(out.value, "status");
  out.spec = int_in(object_in(out.value, "spec"), "replicas").value_or(1);
  out.replicas = int_in(status, "replicas").value_or(0);
  out.ready = int_in(status, "readyReplicas").value_or(0);
  out.available = int_in(status, "availableReplicas").value_or(0);
  out.terminating = int_in(status, "terminatingReplicas").value_or(0);
  out.revision = number(object.annotation(kRevision).value_or(""));
  out.created = object.meta().creation_timestamp().value_or(0);
  return out;
}

Plan plan(const Observed& observed, int64_t now) {
  return Planner(observed, now).run();
}

}  // namespace kubus::controllers::deployment
