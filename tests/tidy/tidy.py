#!/usr/bin/env python3
"""Checks what no compiler checks: who includes whom, what is banned where, how long files and functions are.

usage: tidy.py ROOT        prints one line a finding, exits 1 if there is any
       tidy.py --self-test proves that every rule can fail
"""
import pathlib
import re
import subprocess
import sys
import tempfile

MOST_FILE_LINES = 800
MOST_FUNCTION_LINES = 70
TOP = ("schemas", "bus", "services", "agents", "cli", "tests")
# An area may include itself and those named. Parts of services/, agents/ and cli/ don't include each other.
MAY_INCLUDE = {
    "schemas": {"schemas"},
    "bus": {"schemas", "bus"},
    "services": {"schemas", "bus"},
    "agents": {"schemas", "bus"},
    "cli": {"schemas", "bus"},
}
# Across components, with the reason.
ALLOWED_ACROSS = {
    ("cli", "agents/containerd"): "the launcher starts the private runtime",
    ("cli", "agents/image"): "kubus image build and import",
    ("agents/kubelet", "agents/containerd"): "the node agent's own runtime in its tests",
    ("agents/kubelet", "agents/image"): "imports the pause image",
}
# (what, pattern, folders or files where it may stand)
BANS = [
    ("a clock", r"(system_clock|steady_clock|high_resolution_clock)::now|\bclock_gettime\(|\bgettimeofday\(|[^_\w.:>]time\(nullptr\)",
     ["bus/host", "bus/nats", "cli/supervisor", "cli/verbs/up.cc", "tests", "bus/stream"]),
    ("a thread", r"std::(j?thread|async|mutex|condition_variable)\b|\bpthread_create",
     ["bus/host", "bus/nats", "bus/stream", "agents/kubelet/cri", "services/store/engine", "services/store/journal", "tests"]),
    ("a sleep", r"sleep_for|sleep_until|\busleep\(|\bnanosleep\(",
     ["tests", "bus/nats/test_server.cc"]),
    ("a socket", r"\b(::)?socket\(AF_|<sys/socket.h>|asio/ip/",
     ["services/bridge/http", "services/gateway/http", "bus/host", "bus/nats", "bus/stream", "cli/cluster/preflight.cc", "cli/forward", "agents/kubelet/cri", "agents/kubelet/probes/edge", "tests"]),
    ("nats.h", r'#include [<"](nats/)?nats\.h[>"]', ["bus/nats"]),
    ("lmdb.h", r'#include [<"]lmdb\.h[>"]', ["services/store/engine"]),
    ("gRPC", r"""#include [<"]grpc""", ["agents/kubelet/cri", "tests/bench"]),
    ("ZeroMQ", r'#include [<"]zmq', ["bus/stream"]),
    ("randomness", r"std::(random_device|mt19937)|\brand\(\)|\bsrand\(", ["bus/host", "tests", "schemas/lib/codec/random_value.h"]),
    ("a subject written by hand", r'"kubus\.[^".]*\.(event|node|head|api|reply|admission|stats|heartbeat|store)\b', ["bus/subjects", "tests"]),
    ("an open end without an owner", r"\b(TODO|FIXME|XXX|HACK)\b", ["tests/tidy"]),
]


def sources(root):
    for top in TOP:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".cc", ".h", ".c") and "testdata" not in path.parts:
                yield path


def is_test(name):
    return "_test.cc" in name or "/testing/" in name or name.startswith("tests/")


def component_of(name):
    parts = name.split("/")
    return parts[0] if parts[0] in ("schemas", "bus", "cli", "tests") else "/".join(parts[:2])


def check_includes(name, text, findings):
    area = name.split("/")[0]
    if area == "tests":
        return
    for number, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#include "([a-z]+)/([^"]*)"', line)
        if not m or m.group(1) not in TOP:
            continue
        target = m.group(1) + "/" + m.group(2)
        mine, theirs = component_of(name), component_of(target)
        if mine == theirs or (mine, theirs) in ALLOWED_ACROSS or (area, theirs) in ALLOWED_ACROSS:
            continue
        if m.group(1) in MAY_INCLUDE[area] and theirs != mine and m.group(1) in ("schemas", "bus"):
            continue
        findings.append(f"{name}:{number}: {mine} must not include {target}")


def check_bans(name, text, findings):
    for what, pattern, rooms in BANS:
        if any(name.startswith(room) for room in rooms):
            continue
        if is_test(name) and what in ("randomness", "a subject written by hand", "a clock", "a thread", "a socket"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line.split("//")[0] if what != "an open end without an owner" else line):
                findings.append(f"{name}:{number}: {what} has no place here")


def check_lengths(name, text, findings):
    lines = text.splitlines()
    if len(lines) > MOST_FILE_LINES:
        findings.append(f"{name}: {len(lines)} lines, at most {MOST_FILE_LINES}")
    start, depth = None, 0
    for number, line in enumerate(lines, 1):
        code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|//.*', "", line)
        if start is None and re.search(r"\)( const| noexcept| override| mutable)*( ->.*)?( \{|\{)$", code):
            if not re.match(r"\s*(\}|if|for|while|switch|else|namespace|TEST)", code):
                start, depth = number, 0
        if start is not None:
            depth += code.count("{") - code.count("}")
            if depth <= 0 and "{" in "".join(lines[start - 1:number]):
                if number - start + 1 > MOST_FUNCTION_LINES:
                    findings.append(f"{name}:{start}: a function of {number - start + 1} lines, at most {MOST_FUNCTION_LINES}")
                start = None


def check_tree(root):
    findings = []
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        text = path.read_text(errors="replace")
        check_includes(name, text, findings)
        check_bans(name, text, findings)
        check_lengths(name, text, findings)
    for component in sorted({component_of(p.relative_to(root).as_posix()) for p in sources(root)}):
        readme = root / component / "README.md"
        if component in ("tests",):
            continue
        if not readme.exists():
            findings.append(f"{component}: has no README.md")
        elif component.count("/") and len(readme.read_text().splitlines()) > 60:
            findings.append(f"{readme.relative_to(root)}: more than 60 lines")
    return findings


def check_format(root):
    files = [str(p) for p in sources(root)]
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True, text=True, cwd=root)
    bad = sorted({line.split(":")[0] for line in run.stderr.splitlines() if "error:" in line})
    return [f"{pathlib.Path(b).relative_to(root)}: not formatted (clang-format -i)" for b in bad]


def self_test():
    long_body = "".join("  f();\n" for _ in range(MOST_FUNCTION_LINES))
    cases = {
        "schemas/a.cc": '#include "bus/x.h"\n',
        "services/a/b.cc": '#include "services/c/d.h"\n',
        "services/a/clock.cc": "auto t = std::chrono::steady_clock::now();\n",
        "services/a/thread.cc": "std::thread t;\n",
        "services/a/socket.cc": "#include <sys/socket.h>\n",
        "services/a/nats.cc": "#include <nats/nats.h>\n",
        "services/a/lmdb.cc": "#include <lmdb.h>\n",
        "services/a/open.cc": "// TO" + "DO later\n",
        "services/a/subject.cc": 'auto s = "kubus.default.event";\n',
        "services/a/long.cc": "// x\n" * (MOST_FILE_LINES + 1),
        "services/a/function.cc": f"void g() {{\n{long_body}}}\n",
    }
    for name, text in cases.items():
        with tempfile.TemporaryDirectory() as d:
            root = pathlib.Path(d)
            (root / name).parent.mkdir(parents=True)
            (root / name).write_text(text)
            found = [f for f in check_tree(root) if "README" not in f]
            if len(found) != 1:
                print(f"self-test: {name}: expected one finding, got {found}")
                return 1
    print(f"self-test: {len(cases)} rules can fail")
    return 0


def main():
    if sys.argv[1] == "--self-test":
        return self_test()
    root = pathlib.Path(sys.argv[1]).resolve()
    findings = check_tree(root) + check_format(root)
    for f in findings:
        print(f)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


sys.exit(main())
