#!/usr/bin/env bash
# Logs, exec and forwarded ports of real containers, over encrypted streams between CLI, gateway and kubelet: what is written
# arrives whole, exit codes pass, a kubelet that dies says so, and events go on meanwhile. Needs root.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"

kubus up --node e2e-streams --api-port 0 --bus-port 0 --pod-cidr 10.215.0.0/16 >"$work/up.txt"
kubus image import "$bin/../images/web.tar" >/dev/null
pod() { # NAME COMMAND [restartPolicy]
  printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\nspec:\n  restartPolicy: %s\n  terminationGracePeriodSeconds: 0\n  containers:\n  - name: c\n    image: kubus.local/web:1\n    imagePullPolicy: Never\n    command: ["/bin/sh", "-c", %s]\n' "$1" "${3:-Always}" "$2"
}
until_says() { # TEXT COMMAND…
  local text=$1
  shift
  for _ in $(seq 300); do
    [[ $("$@" 2>&1) == *"$text"* ]] && return
    read -rt 0.1 <> <(:) || true
  done
  say "FAILED: $* never says $text but: $("$@" 2>&1)"
  exit 1
}

pod talk '"i=0; while [ $i -lt 50 ]; do echo run $$ line $i; i=$((i+1)); sleep 0.05; done; exit 3"' | kubus apply -f - >/dev/null
pod tool '"httpd -p 8080 -h /www; echo tool is up; while true; do sleep 1; done"' | kubus apply -f - >/dev/null
pod once '"echo all there is"' Never | kubus apply -f - >/dev/null

say "a log is followed to the container's end; the next run has its own"
until_says "line 0" kubus logs talk
kubus logs -f talk >"$work/first"
[[ $(tail -n 1 "$work/first") == *"line 49" && $(wc -l <"$work/first") == 50 ]] || { say "FAILED: not all lines: $(cat "$work/first")"; exit 1; }
until_says "line 49" kubus logs --previous talk
until_says '"restartCount": 1' kubus get pod talk -o json
kubus logs -f talk >"$work/second"
[[ $(wc -l <"$work/second") == 50 ]] || { say "FAILED: the second run has $(wc -l <"$work/second") lines"; exit 1; }
kubus logs --tail 2 --previous talk >"$work/tail"
[[ $(wc -l <"$work/tail") == 2 ]] || { say "FAILED: --tail 2 gives $(wc -l <"$work/tail") lines"; exit 1; }
until_says Succeeded kubus get pod once -o json
expect "all there is" kubus logs -f once
refuse "not valid for pod talk" kubus logs -c nope talk
refuse "not found" kubus logs nope

say "commands run with their input, output and exit code"
until_says "tool is up" kubus logs tool
rc=0
out=$(printf 'to be read' | kubus exec -i tool -- sh -c 'cat; echo; echo apart >&2; exit 7' 2>"$work/err") || rc=$?
[[ $rc == 7 && $out == "to be read" && $(<"$work/err") == apart ]] || { say "FAILED: exec gives $rc, $out, $(<"$work/err")"; exit 1; }
head -c 4000000 /dev/urandom >"$work/big"
kubus exec -i tool -- cat <"$work/big" | cmp - "$work/big"
refuse "not found" kubus exec tool -- no-such-program

say "a port is reached"
kubus exec tool -- sh -c 'echo through a stream >/www/index.html'
# By its path: `kubus` is a function, and its shell would be what is killed.
"$bin/kubus" port-forward tool :8080 >"$work/ports" &
forward=$!
until_says forwarding cat "$work/ports"
port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) .*/\1/p' "$work/ports")
reach() { printf 'GET / HTTP/1.0\r\n\r\n' | busybox nc -w 5 127.0.0.1 "$port"; }
for _ in 1 2 3; do expect "through a stream" reach; done
kill "$forward"

say "who does not read costs a window, and events go on"
"$bin/kubus" exec tool -- sh -c 'while true; do echo flood; done' > >(read -r _; read -rt 5 <> <(:) || true) 2>/dev/null &
slow=$!
for i in 1 2 3 4 5; do
  before=$(date +%s%N)
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: during-%s\n' "$i" | kubus apply -f - >/dev/null
  (($(date +%s%N) - before < 2000000000)) || { say "FAILED: a write took more than 2 s beside a stream"; exit 1; }
done
kill "$slow" 2>/dev/null || true
rss=$(sed -n 's/VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pid_of kubelet)/status")
((rss < 200000)) || { say "FAILED: the kubelet holds $rss KiB"; exit 1; }

say "a kubelet that dies in mid-stream is told, and the next one serves"
"$bin/kubus" logs -f tool >"$work/broken" 2>"$work/why" &
follower=$!
until_says "tool is up" cat "$work/broken"
kill_component kubelet
rc=0
wait "$follower" || rc=$?
[[ $rc == 1 ]] && grep -q "connection to the node's kubelet" "$work/why" || { say "FAILED: ended with $rc: $(<"$work/why")"; exit 1; }
until_says "tool is up" kubus logs tool
expect "still here" kubus exec tool -- echo still here
kubus down >/dev/null
say "ok"
