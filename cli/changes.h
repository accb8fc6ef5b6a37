// Small changes of objects that are there: what cordon, label, annotate and taint share.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/resources.h"
#include "cli/session.h"

namespace kubus::cli {

// The keys of what the words select, in order. kNotFound is not told here: names are not looked up.
// kBadRequest: nothing is named, nothing selected and there is no --all.
Result<std::vector<ObjectKey>> selected_keys(Session& session, const Invocation& call);
void add_all_option(po::options_description_easy_init& add);

// Reads the object and sends the merge patch that `change` makes of it, with its revision as
// precondition; reads and tries again when somebody else was faster. An empty patch: nothing is to
// do. True: something was changed.
Result<bool> change_object(Session& session, const ObjectKey& key,
                           const std::function<Result<std::string>(const Object&)>& change);

// `key=value` sets, `key-` removes.
struct KeyChange {
  std::string key;
  std::optional<std::string> value;
};
std::optional<KeyChange> parse_key_change(const std::string& word);

// A verb that changes metadata.labels or metadata.annotations.
void add_metadata_options(po::options_description_easy_init add);
Status change_metadata(const Invocation& call, const std::string& field, const std::string& done);

// `kubus cordon` and `kubus uncordon`: whether new Pods may come to nodes.
Status set_unschedulable(Session& session, const std::string& node, bool on);
Status run_cordon(const Invocation& call, bool on);
void add_node_options(po::options_description_easy_init add);

}  // namespace kubus::cli
