"""The scale part of tests/bench/run: clusters of thousands of nodes, and how figures grow. Everything shares the machine."""
import json
import subprocess
import sys
import time

CASES = ("SchedulingBasic", "MixedChurn", "Unschedulable", "SchedulingNodeAffinity", "SchedulingPodAffinity",
         "SchedulingPodAntiAffinity", "TopologySpreading", "PreemptionBasic")
MANY_PODS = ("--pod-cidr", "10.128.0.0/9")  # a /24 for each of thousands of nodes
SIZES = (10_000, 100_000, 300_000)


def load(bench, cluster, *args, patience=900):
    """One line of figures, also of a run that did not end as it should; None: it said nothing."""
    run = subprocess.run([bench.BIN / "scale-load", cluster.state, *map(str, args)], capture_output=True, text=True,
                         timeout=patience)
    if run.returncode:
        print(f"  scale-load {' '.join(map(str, args))}: {run.stderr.strip() or 'not all were seen'}", file=sys.stderr)
    lines = run.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


def measure_case(bench, directory, case, nodes, out):
    cluster = bench.Cluster(f"{directory}/{case}{nodes}", args=MANY_PODS)
    try:
        f = load(bench, cluster, "case", case, nodes)
    finally:
        cluster.down()
    if f is None:
        return
    name = f"{case}.n{nodes}"
    out[f"sched.pods_per_s.{name}"] = f["per_s"]
    out[f"sched.bound_seen_ms.{name}.p50"], out[f"sched.bound_seen_ms.{name}.p99"] = f["p50_ms"], f["p99_ms"]
    if f["count"] != f["of"]:
        out[f"sched.unbound.{name}"] = f["of"] - f["count"]
    for component, seconds in f["cpu_s"].items():
        out[f"sched.cpu_us_per_pod.{name}.{component}"] = round(1e6 * seconds / max(f["count"], 1))
    for component, mb in f["pss_mb"].items():
        out[f"sched.pss_mb.{name}.{component}"] = mb


def measure_hollow(bench, directory, out, nodes=5000, pods=50_000):
    """The real kubelets with faked runtimes, and Pods that are Running on them."""
    cluster = bench.Cluster(f"{directory}/hollow", args=("--hollow", str(nodes), "--wait", "300"))
    try:
        out[f"scale.nodes{nodes}_ready_s"] = round(cluster.ready_s, 1)
        f = load(bench, cluster, "pods", pods, patience=1200)
        if f is None:
            return
        out["scale.running_per_s.pods50k"], out["scale.running.pods50k"] = f["per_s"], f["count"]
        time.sleep(60)
        idle = {}
        bench.measure_idle(cluster, idle, 30)
        out["scale.rss_gb.pods50k"] = round(idle["idle.pss_mb.total"] / 1024, 2)
        out["scale.idle_cpu_percent.pods50k"] = idle["idle.cpu_percent.total"]
        for name, value in idle.items():
            if name.startswith("idle.pss_mb."):
                out[name.replace("idle.", "scale.")] = value
    finally:
        cluster.down()


def measure_growth(bench, directory, seconds, out):
    cluster = bench.Cluster(f"{directory}/growth", args=MANY_PODS)
    there = 0
    try:
        for size in SIZES:
            cluster.load("fill", size - there, there)
            there = size
            time.sleep(5)
            out[f"scale.creates_per_s.o{size}"] = cluster.load("create", 64, seconds)["per_s"]
            out[f"scale.event_ms.o{size}"] = cluster.load("events", 1000, seconds)["p50_ms"]
            f = load(bench, cluster, "case", "SchedulingBasic", 1000)
            out[f"scale.pods_per_s.o{size}"] = f["per_s"] if f else 0
    finally:
        cluster.down()
    for what in ("creates_per_s", "event_ms", "pods_per_s"):
        first, last = out[f"scale.{what}.o{SIZES[0]}"], out[f"scale.{what}.o{SIZES[-1]}"]
        out[f"scale.growth.{what}"] = round(last / first, 2) if first else 0


def measure_proxy(bench, out):
    for services, changes in ((1000, 300), (30_000, 200)):
        f = bench.figures(bench.BIN / "proxy-load", services, changes)
        out[f"proxy.change_ms.p50.s{services}"], out[f"proxy.change_ms.p99.s{services}"] = f["p50_ms"], f["p99_ms"]
        out[f"proxy.first_s.s{services}"] = f["first_s"]


def measure_cases(bench, directory, out):
    for nodes in (1000, 5000):
        for case in CASES:
            print(f"  {case} n{nodes}", file=sys.stderr)
            measure_case(bench, directory, case, nodes, out)
