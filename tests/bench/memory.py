"""The memory part of tests/bench/run: a long past of many Pods, what it takes and how it reads, and what reading and keeping
it costs those who write. Everything shares the machine.

The past is made in bulk, put under a control plane's store, and read through the bus of that store; only nats-server and the
store run then, for controllers would begin to change what a made-up past left behind."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

SUBSCRIBERS = 1000
NAMESPACES = 1000
WRITERS = 64
FOR_EVER = ("--keep-revisions", str(2**63), "--keep-hours", "1000000")


class Quiet:
    """The bus and the store of a cluster that is down, with what its supervisor gave them."""

    def __init__(self, bench, state, store_args=()):
        self.bench, self.state = bench, state
        argv = json.loads((pathlib.Path(state) / "argv.json").read_text())
        log = open(pathlib.Path(state) / "quiet.log", "a")
        self.lock = open(pathlib.Path(state) / "run/lock", "a")  # who holds it is taken for the supervisor
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        start = lambda a: subprocess.Popen(a, stdout=log, stderr=log)
        self.processes = [start(argv["nats-server"]), start([*argv["store"], *store_args])]
        for _ in range(600):
            probe = subprocess.run([bench.BIN / "kubus", "get", "nodes", "--state", state], capture_output=True)
            if probe.returncode == 0:
                return
            time.sleep(0.1)
        self.close()
        raise SystemExit(f"the store of {state} does not answer:\n" + pathlib.Path(log.name).read_text()[-2000:])

    def load(self, *args):
        return self.bench.figures(self.bench.BIN / "store-load", f"{self.state}/credentials/admin.json", *args)

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait()
        self.lock.close()


def new_cluster(bench, state):
    """A cluster "bench" that is down; its commands are kept in argv.json."""
    cluster = bench.Cluster(state, args=("--name", "bench"))
    try:
        argv = {}
        for name in ("nats-server", "store"):
            words = pathlib.Path(f"/proc/{cluster.pids()[name]}/cmdline").read_text().split("\0")[:-1]
            argv[name] = words
        (pathlib.Path(state) / "argv.json").write_text(json.dumps(argv))
    finally:
        cluster.down()
    return state


def store_directory(state):
    argv = json.loads((pathlib.Path(state) / "argv.json").read_text())["store"]
    return pathlib.Path(argv[argv.index("--state") + 1])


def measure_past(bench, directory, args, out):
    """Bytes an event, reads at random points, a replay, a backup, and the tables made of it again."""
    state = new_cluster(bench, f"{directory}/past")
    load, made_in, archive = bench.BIN / "memory-load", f"{directory}/made", f"{directory}/past.kubus"
    os.mkdir(made_in)
    made = bench.figures(load, "build", made_in, bench.ROOT / "tests/bench/pod.json", args.past_pods, args.past_events)
    out["memory.events"], out["memory.bytes_per_event"] = made["events"], made["bytes_per_event"]
    saved = bench.figures(load, "archive", made_in, archive)
    out["memory.archive_bytes_per_event"] = round(saved["bytes"] / saved["records"])
    shutil.rmtree(made_in)
    shutil.rmtree(store_directory(state))
    began = time.monotonic()
    bench.output(bench.BIN / "kubus-store", "--restore", archive, "--state", store_directory(state), "--quiet")
    out["memory.rebuild_s"] = round(time.monotonic() - began, 1)
    os.unlink(archive)
    quiet = Quiet(bench, state, FOR_EVER)
    credentials = f"{state}/credentials/admin.json"
    try:
        f = bench.figures(bench.BIN / "past-load", credentials, 5000)
        for name in ("get_at_ms", "list_at_ms", "why_ms"):
            out[f"memory.{name}.p50"], out[f"memory.{name}.p99"] = f[name]["p50"], f[name]["p99"]
        out["memory.why_links"] = f["why_links"]
        for mode in ("count", "events", "chain"):
            name = "memory.replay_events_per_s" + ("" if mode == "count" else f".{mode}")
            out[name] = bench.figures(bench.BIN / "replay-load", credentials, mode)["per_s"]
        began = time.monotonic()
        bench.output(bench.BIN / "kubus", "backup", archive, "--state", state)
        out["memory.backup_s"] = round(time.monotonic() - began, 1)
    finally:
        quiet.close()


def creates(cluster, seconds, *more):
    return cluster.load("create", WRITERS, seconds, *more)["per_s"]


def beside(bench, cluster, seconds, once):
    """Creates a second while something is done again and again, and how often it was done."""
    load = subprocess.Popen([str(bench.BIN / "store-load"), f"{cluster.state}/credentials/admin.json", "create", str(WRITERS),
                             str(seconds)], stdout=subprocess.PIPE, text=True)
    rounds = 0
    while load.poll() is None:
        once()
        rounds += 1
    return json.loads(load.communicate()[0].splitlines()[-1])["per_s"], rounds


def measure_writers(bench, directory, args, out):
    """Creates beside a backup, a replay and a compaction, over creates with none of them just before."""
    seconds = max(args.seconds, 5)
    cluster = bench.Cluster(f"{directory}/writers")
    state, credentials = cluster.state, f"{cluster.state}/credentials/admin.json"
    try:
        cluster.load("fill", 20_000)
        cluster.load("churn", 200_000)
        file = pathlib.Path(f"{directory}/writers.kubus")

        def backup():
            file.unlink(missing_ok=True)
            bench.output(bench.BIN / "kubus", "backup", file, "--state", state)

        work = {"backup": backup, "replay": lambda: bench.output(bench.BIN / "replay-load", credentials, "count")}
        for name, once in work.items():
            before = creates(cluster, seconds)
            per_s, rounds = beside(bench, cluster, seconds, once)
            out[f"memory.writers_slowed_ratio.{name}"] = round(per_s / before, 2)
            out[f"memory.writers_slowed_rounds.{name}"] = rounds
    finally:
        cluster.down()
    measure_compaction(bench, directory, seconds, out)


def measure_compaction(bench, directory, seconds, out):
    """The same store and writers, once keeping everything and once with a horizon that moves all the time."""
    state = new_cluster(bench, f"{directory}/compaction")
    per_s = {}
    for name, keep in (("without", FOR_EVER), ("with", ("--keep-revisions", "1000", "--keep-hours", "0"))):
        with contextlib.closing(Quiet(bench, state, FOR_EVER)) as quiet:
            if name == "without":
                quiet.load("fill", 10_000)
            quiet.load("churn", 100_000)
        with contextlib.closing(Quiet(bench, state, keep)) as quiet:
            per_s[name] = creates(quiet, seconds)
    out["memory.writers_slowed_ratio.compaction"] = round(per_s["with"] / per_s["without"], 2)


def measure_subscribers(bench, directory, args, out):
    """Creates with a thousand subscribers of one lane each, over creates with none, taken in turns."""
    seconds = max(args.seconds, 5)
    cluster = bench.Cluster(f"{directory}/subscribers")
    try:
        without, with_them = [], []
        for _ in range(3):
            without.append(creates(cluster, seconds, NAMESPACES))
            load = subprocess.Popen([str(bench.BIN / "subscribers-load"), f"{cluster.state}/credentials/admin.json", str(SUBSCRIBERS),
                                     str(NAMESPACES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if load.stdout.readline().strip() != "ready":
                raise SystemExit("subscribers-load did not get ready")
            with_them.append(creates(cluster, seconds, NAMESPACES))
            heard = json.loads(load.communicate("")[0].splitlines()[-1])
        out["memory.subscribers_1000_ratio"] = round(sorted(with_them)[1] / sorted(without)[1], 2)
        out["memory.subscribers_1000_heard"], out["memory.subscribers_1000_lost"] = heard["received"], heard["lost"]
    finally:
        cluster.down()


def parts(bench, directory, args, out):
    return {
        "past": lambda: measure_past(bench, directory, args, out),
        "writers": lambda: measure_writers(bench, directory, args, out),
        "subscribers": lambda: measure_subscribers(bench, directory, args, out),
    }
