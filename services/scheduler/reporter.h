// Writes into the status of Pods why they have no node, many in one request, and only what is not
// said already. Level-triggered: what was wanted last is written as soon as the Pod's own last
// version is known. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/recorder.h"
#include "bus/ports/ports.h"
#include "services/scheduler/conditions.h"

namespace kubus::scheduler {

class Reporter {
 public:
  // `on_news`: there is something to flush.
  Reporter(bus::Ports ports, kit::Client& client, kit::Recorder& recorder,
           std::function<void()> on_news);
  ~Reporter();
  Reporter(const Reporter&) = delete;

  // The Pod shall say so from now on. `event`: and an Event too, if it is news. `written`: a
  // version of the Pod that must be seen before.
  void want(const Object& pod, Verdict verdict, const kit::Cause& cause, bool event,
            Revision written = {});
  // A version of a Pod that a verdict may be wanted for.
  void on_pod(const Object& pod);
  void forget(const std::string& key);
  // Sends what is to be said. Nothing is, without a fence.
  void flush(const kit::Fence& fence);
  bool has_news() const { return !news_.empty(); }

 private:
  struct Wanted {
    Object pod;
    Verdict verdict;
    kit::Cause cause;
    bool asked = false;  // a request is under way
    Revision written;    // by the last one: the Pod must be at least there
  };
  void consider(const std::string& key, Wanted& wanted);
  void on_answer(const std::vector<std::string>& keys, const Result<kit::Answer>& answer);
  void tell(const std::string& key);
  void retry(const std::string& key);
  void on_retry_timeout();

  bus::Ports ports_;
  kit::Client& client_;
  kit::Recorder& recorder_;
  std::map<std::string, Wanted> wanted_;  // by "namespace/name"
  std::function<void()> on_news_;
  std::set<std::string> news_, retries_;
  std::unique_ptr<bus::Timer> retry_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::scheduler
