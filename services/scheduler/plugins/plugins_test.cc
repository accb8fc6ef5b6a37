#include <gtest/gtest.h>

#include "services/scheduler/planner.h"
#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using testing::make;
using testing::NodeText;
using testing::PodText;

// Nodes, and what is on them.
struct World {
  explicit World(const std::vector<NodeText>& nodes) {
    for (const NodeText& n : nodes) snapshot.set_node(testing::node(n));
  }
  void put(const PodText& p) {
    Object pod = testing::pod(p);
    snapshot.place("d/" + p.name, p.node, guest_of(pod, snapshot.names(), snapshot.society()));
  }
  DemandPtr demand(const Object& pod) {
    return demands.of(pod, snapshot.names(), snapshot.society());
  }

  // The node's name, or why there is none.
  std::string place(const Object& pod) {
    DemandPtr d = demand(pod);
    auto row = planner.place(d);
    return row ? snapshot.name(*row) : planner.explain(d).why;
  }
  std::string place(const PodText& p) { return place(testing::pod(p)); }
  int64_t points(const PodText& p, const std::string& node) {
    return planner.score_on(demand(testing::pod(p)), *snapshot.find(snapshot.names().intern(node)))
        .value();
  }

  bus::sim::SeededRandom random{7};
  Snapshot snapshot;
  Demands demands;
  Planner planner{snapshot, default_profile(), random};
};

std::string no_node(const std::string& reason) {
  return "0/1 nodes are available: 1 " + reason + ".";
}

TEST(Plan, NoNodes) {
  World w({});
  EXPECT_EQ(w.place(PodText()), "no nodes available to schedule pods");
  w.put({.name = "q", .node = "gone"});
  EXPECT_EQ(w.place(PodText()), "no nodes available to schedule pods");
}

TEST(Plan, ReasonsAreCountedMostFrequentFirst) {
  World w({{.name = "a", .taints = R"({"key":"gpu","value":"v","effect":"NoSchedule"})"},
           {.name = "b", .unschedulable = true},
           {.name = "c", .unschedulable = true},
           {.name = "e", .cpu = "0", .memory = "0"}});
  EXPECT_EQ(w.place({.requests = R"("cpu":"1","memory":"1Mi")"}),
            "0/4 nodes are available: 2 node(s) were unschedulable, 1 Insufficient cpu, "
            "1 Insufficient memory, 1 node(s) had untolerated taint {gpu: v}.");
}

TEST(Plan, TiesAreBrokenByTheSeed) {
  std::map<std::string, int> count;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    World w({{.name = "a"}, {.name = "b"}, {.name = "c"}});
    w.random = bus::sim::SeededRandom(seed);
    World again({{.name = "a"}, {.name = "b"}, {.name = "c"}});
    again.random = bus::sim::SeededRandom(seed);
    std::string node = w.place(PodText());
    EXPECT_EQ(node, again.place(PodText()));
    ++count[node];
  }
  EXPECT_EQ(count.size(), 3u);
}

struct Case {
  const char* spec;
  NodeText node;
  std::string why;  // "" : suits
};

class Suits : public ::testing::TestWithParam<Case> {};

TEST_P(Suits, AsSaid) {
  World w({GetParam().node});
  const std::string& why = GetParam().why;
  EXPECT_EQ(w.place({.spec = GetParam().spec}), why.empty() ? "n" : no_node(why));
}

const NodeText kCordoned{.unschedulable = true};
const std::string kIsCordoned = "node(s) were unschedulable";

INSTANTIATE_TEST_SUITE_P(
    NodeUnschedulable, Suits,
    ::testing::Values(
        Case{"", kCordoned, kIsCordoned},
        Case{R"("tolerations":[{"key":"node.kubernetes.io/unschedulable","operator":"Exists"}])",
             kCordoned, ""},
        Case{R"("tolerations":[{"key":"node.kubernetes.io/unschedulable","operator":"Exists",)"
             R"("effect":"NoExecute"}])",
             kCordoned, kIsCordoned},
        Case{R"("tolerations":[{"operator":"Exists"}])", kCordoned, ""},
        Case{R"("tolerations":[{"key":"other","operator":"Exists"}])", kCordoned, kIsCordoned}));

const NodeText kTainted{.taints = R"({"key":"k","value":"5","effect":"NoExecute"})"};
const std::string kIsTainted = "node(s) had untolerated taint {k: 5}";

INSTANTIATE_TEST_SUITE_P(
    TaintToleration, Suits,
    ::testing::Values(
        Case{"", kTainted, kIsTainted},
        Case{R"("tolerations":[{"key":"k","operator":"Equal","value":"5","effect":"NoExecute"}])",
             kTainted, ""},
        Case{R"("tolerations":[{"key":"k","value":"5"}])", kTainted, ""},
        Case{R"("tolerations":[{"key":"k","value":"w"}])", kTainted, kIsTainted},
        Case{R"("tolerations":[{"key":"k","operator":"Exists","effect":"NoSchedule"}])", kTainted,
             kIsTainted},
        Case{R"("tolerations":[{"key":"k","operator":"Gt","value":"4"}])", kTainted, ""},
        Case{R"("tolerations":[{"key":"k","operator":"Lt","value":"4"}])", kTainted, kIsTainted},
        Case{R"("tolerations":[{"key":"k","operator":"Lt","value":"x"}])", kTainted, kIsTainted},
        Case{R"("tolerations":[{"operator":"Exists"}])", kTainted, ""},
        Case{"", {.taints = R"({"key":"k","effect":"PreferNoSchedule"})"}, ""},
        Case{"",
             {.taints = R"({"key":"node-role.kubernetes.io/control-plane","effect":"NoSchedule"})"},
             "node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"}));

const NodeText kLabelled{.labels = R"("disk":"ssd","size":"7","kubernetes.io/os":"linux")"};
const std::string kMismatch = "node(s) didn't match Pod's node affinity/selector";

INSTANTIATE_TEST_SUITE_P(
    NodeSelector, Suits,
    ::testing::Values(Case{R"("nodeSelector":{"disk":"ssd"})", kLabelled, ""},
                      Case{R"("nodeSelector":{"disk":"ssd","size":"8"})", kLabelled, kMismatch},
                      Case{R"("nodeSelector":{"none":""})", kLabelled, kMismatch}));

INSTANTIATE_TEST_SUITE_P(Os, Suits,
                         ::testing::Values(Case{R"("os":{"name":"linux"})", kLabelled, ""},
                                           Case{R"("os":{"name":"windows"})", kLabelled,
                                                "node(s) had another operating system"},
                                           Case{R"("os":{"name":"linux"})", NodeText(),
                                                "node(s) had another operating system"}));

TEST(NodeAffinity, Operators) {
  struct {
    const char* term;
    bool suits;
  } cases[] = {
      {R"({"matchExpressions":[{"key":"disk","operator":"In","values":["hdd","ssd"]}]})", true},
      {R"({"matchExpressions":[{"key":"disk","operator":"In","values":["hdd"]}]})", false},
      {R"({"matchExpressions":[{"key":"disk","operator":"NotIn","values":["ssd"]}]})", false},
      {R"({"matchExpressions":[{"key":"x","operator":"NotIn","values":["y"]}]})", true},
      {R"({"matchExpressions":[{"key":"disk","operator":"Exists"}]})", true},
      {R"({"matchExpressions":[{"key":"disk","operator":"DoesNotExist"}]})", false},
      {R"({"matchExpressions":[{"key":"x","operator":"DoesNotExist"}]})", true},
      {R"({"matchExpressions":[{"key":"size","operator":"Gt","values":["6"]}]})", true},
      {R"({"matchExpressions":[{"key":"size","operator":"Gt","values":["7"]}]})", false},
      {R"({"matchExpressions":[{"key":"size","operator":"Lt","values":["8"]}]})", true},
      {R"({"matchExpressions":[{"key":"size","operator":"Lt","values":["x"]}]})", false},
      {R"({"matchExpressions":[{"key":"disk","operator":"Gt","values":["6"]}]})", false},
      {R"({"matchExpressions":[{"key":"x","operator":"Gt","values":["6"]}]})", false},
      {R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]})", true},
      {R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["m"]}]})", false},
      {R"({"matchFields":[{"key":"metadata.name","operator":"NotIn","values":["m"]}]})", true},
      {R"({"matchFields":[{"key":"metadata.uid","operator":"NotIn","values":["m"]}]})", false},
      {R"({"matchExpressions":[{"key":"disk","operator":"Exists"}],)"
       R"("matchFields":[{"key":"metadata.name","operator":"In","values":["m"]}]})",
       false},
      {"{}", false},
      {R"({},{"matchExpressions":[{"key":"disk","operator":"Exists"}]})", true},
  };
  for (const auto& c : cases) {
    World w({kLabelled});
    std::string spec =
        R"("affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":)"
        R"({"nodeSelectorTerms":[)" +
        std::string(c.term) + "]}}}";
    EXPECT_EQ(w.place({.spec = spec}), c.suits ? "n" : no_node(kMismatch)) << c.term;
  }
}

TEST(NodeName, AsTheDemandSays) {
  World w({{.name = "a"}, {.name = "b"}});
  Demand d;
  d.node_name = w.snapshot.names().intern("b");
  auto shared = std::make_shared<Demand>(d);
  EXPECT_EQ(w.snapshot.name(*w.planner.place(shared)), "b");
  d.node_name = w.snapshot.names().intern("c");
  shared = std::make_shared<Demand>(d);
  EXPECT_FALSE(w.planner.place(shared));
  EXPECT_EQ(w.planner.explain(shared).why,
            "0/2 nodes are available: 2 node(s) didn't match the requested node name.");
}

TEST(NodePorts, ConflictByAddressProtocolAndPort) {
  auto port = [](const char* more) {
    return R"({"containerPort":80,"hostPort":80)" + std::string(more) + "}";
  };
  const std::string taken = no_node("node(s) didn't have free ports for the requested pod ports");
  World w({NodeText()});
  w.put({.name = "q", .ports = port(R"(,"hostIP":"10.0.0.1")"), .node = "n"});
  EXPECT_EQ(w.place({.ports = port("")}), taken);
  EXPECT_EQ(w.place({.ports = port(R"(,"hostIP":"0.0.0.0")")}), taken);
  EXPECT_EQ(w.place({.ports = port(R"(,"hostIP":"10.0.0.1")")}), taken);
  EXPECT_EQ(w.place({.ports = port(R"(,"hostIP":"10.0.0.2")")}), "n");
  EXPECT_EQ(w.place({.ports = port(R"(,"protocol":"UDP")")}), "n");
  EXPECT_EQ(w.place({.ports = R"({"containerPort":80})"}), "n");
  EXPECT_EQ(w.place({.spec = R"("hostNetwork":true)", .ports = R"({"containerPort":80})"}), taken);
  w.snapshot.take_away("d/q");
  EXPECT_EQ(w.place({.ports = port("")}), "n");
}

TEST(NodeResourcesFit, Room) {
  World w({{.cpu = "1", .memory = "1Gi", .pods = "2", .more_room = R"(,"example.com/gpu":"1")"}});
  EXPECT_EQ(w.place({.requests = R"("cpu":"1","memory":"1Gi","example.com/gpu":"1")"}), "n");
  EXPECT_EQ(w.place({.requests = R"("cpu":"1001m")"}), no_node("Insufficient cpu"));
  EXPECT_EQ(w.place({.requests = R"("memory":"1025Mi")"}), no_node("Insufficient memory"));
  EXPECT_EQ(w.place({.requests = R"("ephemeral-storage":"1")"}),
            no_node("Insufficient ephemeral-storage"));
  EXPECT_EQ(w.place({.requests = R"("example.com/gpu":"2")"}),
            no_node("Insufficient example.com/gpu"));
  EXPECT_EQ(w.place({.requests = R"("example.com/none":"1")"}),
            no_node("Insufficient example.com/none"));
  EXPECT_EQ(w.place({.requests = R"("cpu":"0")"}), "n");
  w.put({.name = "q", .requests = R"("example.com/gpu":"1","cpu":"600m")", .node = "n"});
  EXPECT_EQ(w.place({.requests = R"("example.com/gpu":"1")"}),
            no_node("Insufficient example.com/gpu"));
  EXPECT_EQ(w.place({.requests = R"("cpu":"500m")"}), no_node("Insufficient cpu"));
  w.put({.name = "r", .node = "n"});
  EXPECT_EQ(w.place(PodText()), no_node("Too many pods"));
}

int64_t cpu_of(const std::string& spec) {
  Names names;
  return load_of(make("pods", R"({"metadata":{"name":"p","namespace":"d"},"spec":)" + spec + "}"),
                 names)
      .amounts[kCpu];
}

std::string container(const std::string& name, const std::string& cpu, bool sidecar = false) {
  return R"({"name":")" + name + R"(","image":"i",)" +
         (sidecar ? R"("restartPolicy":"Always",)" : "") + R"("resources":{"requests":{"cpu":")" +
         cpu + "\"}}}";
}

TEST(Load, AbsurdAmountsDoNotOverflow) {
  World w({NodeText{.cpu = "9223372036854775807", .memory = "9Ei"}});
  std::string huge = R"("cpu":"9223372036854775807","memory":"9223372036854775807")";
  w.put({.name = "q", .requests = huge, .node = "n"});
  w.put({.name = "r", .requests = huge, .node = "n"});
  EXPECT_EQ(w.place({.requests = huge}),
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.");
  EXPECT_EQ(w.place(PodText()), "n");
}

TEST(Load, ContainersInitContainersAndSidecars) {
  std::string main =
      R"("containers":[)" + container("a", "200m") + "," + container("b", "300m") + "]";
  EXPECT_EQ(cpu_of("{" + main + "}"), 500);
  EXPECT_EQ(cpu_of(R"({"initContainers":[)" + container("i", "400m") + "]," + main + "}"), 500);
  EXPECT_EQ(cpu_of(R"({"initContainers":[)" + container("i", "700m") + "]," + main + "}"), 700);
  std::string side = container("s", "100m", true);
  EXPECT_EQ(
      cpu_of(R"({"initContainers":[)" + side + "," + container("i", "700m") + "]," + main + "}"),
      800)
      << "an init container runs beside the sidecars before it";
  EXPECT_EQ(
      cpu_of(R"({"initContainers":[)" + container("i", "550m") + "," + side + "]," + main + "}"),
      600);
  EXPECT_EQ(cpu_of(R"({"overhead":{"cpu":"50m"},)" + main + "}"), 550);
  EXPECT_EQ(cpu_of(R"({"resources":{"requests":{"cpu":"2"}},)" + main + "}"), 2000);
  EXPECT_EQ(cpu_of("{}"), 0);
}

TEST(Scores, LeastAllocatedGuessesWhatIsNotAskedFor) {
  World w({{.name = "a"}, {.name = "b"}});
  w.put({.name = "q", .node = "a"});
  EXPECT_EQ(w.place(PodText()), "b");
  EXPECT_GT(w.points({}, "b"), w.points({}, "a"));
}

TEST(Scores, BalancedAllocation) {
  // Both have the same left of cpu and memory together.
  World w({{.name = "even", .cpu = "10", .memory = "10Gi"},
           {.name = "odd", .cpu = "10", .memory = "10Gi"}});
  w.put({.name = "e", .requests = R"("cpu":"3","memory":"3Gi")", .node = "even"});
  w.put({.name = "o", .requests = R"("cpu":"5","memory":"1Gi")", .node = "odd"});
  EXPECT_EQ(w.place({.requests = R"("cpu":"1","memory":"1Gi")"}), "even");
}

TEST(Scores, PreferNoScheduleAndPreferredAffinity) {
  World w({{.name = "a", .taints = R"({"key":"old","effect":"PreferNoSchedule"})"},
           {.name = "b"},
           {.name = "c", .labels = R"("zone":"x")"}});
  w.put({.name = "q", .node = "b"});
  w.put({.name = "r", .node = "c"});
  EXPECT_NE(w.place(PodText()), "a");
  EXPECT_EQ(w.place({.spec = R"("tolerations":[{"operator":"Exists"}])"}), "a");
  EXPECT_EQ(
      w.place(
          {.spec =
               R"("affinity":{"nodeAffinity":{)"
               R"("preferredDuringSchedulingIgnoredDuringExecution":[{"weight":7,)"
               R"("preference":{"matchExpressions":[{"key":"zone","operator":"Exists"}]}}]}})"}),
      "c");
}

TEST(Scores, ImagesThatAreThere) {
  const char image[] = R"(,"images":[{"names":["i:1","i@sha256:0"],"sizeBytes":900000000}])";
  World w({{.name = "a"}, {.name = "b", .more_status = image}, {.name = "c"}});
  EXPECT_EQ(w.place(PodText()), "b");
  EXPECT_EQ(image_with_tag("nginx"), "nginx:latest");
  EXPECT_EQ(image_with_tag("localhost:5000/nginx"), "localhost:5000/nginx:latest");
  EXPECT_EQ(image_with_tag("nginx:1"), "nginx:1");
  EXPECT_EQ(image_with_tag("nginx@sha256:0"), "nginx@sha256:0");
}

TEST(Demands, PodsThatWantTheSameShareOne) {
  World w({});
  DemandPtr a = w.demand(testing::pod({.name = "a", .requests = R"("cpu":"1")"}));
  DemandPtr b = w.demand(testing::pod({.name = "b", .requests = R"("cpu":"1000m")"}));
  DemandPtr c = w.demand(testing::pod({.name = "c", .requests = R"("cpu":"2")"}));
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(Demands, TheDeadAreForgotten) {
  World w({});
  for (int i = 1; i <= 5000; ++i) {
    w.demand(testing::pod({.requests = R"("cpu":")" + std::to_string(i) + "m\""}));
  }
  EXPECT_LE(w.demands.size(), 1025u);
}

}  // namespace
}  // namespace kubus::scheduler
