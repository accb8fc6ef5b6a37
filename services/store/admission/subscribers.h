// Who is asked about which writes: what the AdmissionSubscriber objects say. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "services/store/state/view.h"

namespace kubus::store {

struct Subscriber {
  struct Rule {
    std::vector<std::string> groups, resources, operations, namespaces;
  };
  std::string name, subject;
  std::vector<Rule> rules;
  bool ignore_failure = false;
  std::chrono::seconds timeout{5};
};

// A write as rules see it.
struct Target {
  const schema::KindInfo& kind;
  std::string_view ns, subresource, operation;  // "CREATE", "UPDATE", "DELETE"
};

class Subscribers {
 public:
  static const schema::KindInfo& kind();
  void read(const View& view);
  bool empty() const { return all_.empty(); }
  // In order of name. AdmissionSubscribers themselves are nobody's, so that a broken one can be
  // taken away.
  std::vector<const Subscriber*> of(const Target& target) const;

 private:
  std::vector<Subscriber> all_;
};

}  // namespace kubus::store
