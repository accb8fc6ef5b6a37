#!/usr/bin/env bash
# Nothing is acknowledged before it is on disk: in the store's system calls the reply to a write leaves after the sync of the
# journal that holds it.
source "$(dirname "$0")/lib.sh"

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: durable\n' >"$work/m.yaml"

strace -f -s 160 -e trace=pwrite64,pwritev,write,fdatasync,fsync,sendto,sendmsg,writev -o "$work/trace" -p "$(pid_of store)" 2>"$work/strace.log" &
tracer=$!
# strace says when it is attached.
until grep -qs attached "$work/strace.log"; do kill -0 "$tracer"; done
expect created kubus apply -f "$work/m.yaml"
kill "$tracer"
wait "$tracer" || true

python3 - "$work/trace" <<'PY'
import re
import sys

record = synced = reply = None
for number, line in enumerate(open(sys.argv[1], errors="replace")):
    if record is None and re.search(r"pwrite(64|v)\(", line):
        record = number
    elif record is not None and synced is None and re.search(r"f(data)?sync(\(\d+\)| resumed>\))\s+= 0", line):
        synced = number
    elif record is not None and reply is None and "reply.admin" in line:
        reply = number
print(f"journal record at call {record}, synced at {synced}, reply at {reply}")
sys.exit(0 if None not in (record, synced, reply) and record < synced < reply else 1)
PY
say "ok"
