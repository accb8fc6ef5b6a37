#!/usr/bin/env bash
# The programs of compose/examples against a real cluster: each follows a lane across a death of the store and resumes; a controller
# keeps what its label asks for and says why; failed Pods reach a webhook that is late. Needs node and npm, python3 with venv, go and
# flatc, and their packages; skipped without.
for tool in npm node python3 go flatc; do command -v "$tool" >/dev/null || exit 77; done
source "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
examples=$here/../../compose/examples
export KUBUS_SCHEMAS=$here/../../schemas
children=()
stop_all() {
  local rc=$?
  set +e
  for pid in "${children[@]}"; do kill "$pid" 2>/dev/null; done
  ((rc == 0 || rc == 77)) || tail -n 15 "$work"/*.err
  (exit "$rc")
  cleanup
}
trap stop_all EXIT

# Each with its packages and bindings, all at once; what cannot be had is no fault of ours.
cp -r "$examples"/{node,python,go} "$work/"
rm -rf "$work"/*/{node_modules,gen,.venv,bin}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kubus-examples
prepare_node() { cd "$work/node" && npm ci --silent --no-audit --no-fund --prefer-offline && node bindings.js; }
prepare_python() {
  [[ -x $cache/venv/bin/python ]] || python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install -q --disable-pip-version-check -r "$work/python/requirements.txt"
}
prepare_go() { cd "$work/go" && ./bindings && go build -o bin/ ./...; }
for language in node python go; do
  (prepare_$language) >"$work/$language.err" 2>&1 &
  children+=($!)
done
for pid in "${children[@]}"; do
  wait "$pid" || { say "skipped: packages cannot be had"; tail -n 5 "$work"/*.err; exit 77; }
done
children=()

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
credentials=$KUBUS_STATE/credentials/admin.json
# They become the program: only in a subshell or in the background.
in_node() { cd "$work/node" && exec node "$@"; }
in_python() { cd "$work/python" && exec "$cache/venv/bin/python" "$@"; }
follow_node() { in_node subscribe.js "$@"; }
follow_python() { in_python subscribe.py "$@"; }
follow_go() { exec "$work/go/bin/subscribe" "$@"; }
create() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n' "$1" | kubus apply -f - >/dev/null; }
# once FILE NAMES…: each stands in it once.
once() {
  local file=$1
  shift
  for name in "$@"; do
    [[ $(grep -c "default/$name\b" "$file") == 1 ]] || { say "FAILED: $name is not exactly once in $file"; cat "$file"; exit 1; }
  done
}
# start NAME COMMAND…: in the background; what it prints goes to NAME.out.
start() {
  local name=$1
  shift
  "$@" >>"$work/$name.out" 2>>"$work/$name.err" &
  children+=($!)
}

say "follows a lane while the store is killed, and resumes"
last=$(kubus events -o line | tail -n 1 | awk '{print $1}')
readers=()
for language in node python go; do
  start "$language" "follow_$language" --credentials "$credentials" --lane configmaps --state "$work/$language.position" \
    --after "$last" --once 5
  readers+=($!)
done
for n in 1 2 3; do create "a-$n"; done
kill_component store
for n in 4 5; do create "a-$n"; done
for reader in "${readers[@]}"; do wait "$reader"; done
for n in 6 7; do create "a-$n"; done
for language in node python go; do
  once "$work/$language.out" a-1 a-2 a-3 a-4 a-5
  ("follow_$language" --credentials "$credentials" --lane configmaps --state "$work/$language.position" --once 2) \
    >"$work/$language.out" 2>>"$work/$language.err"
  once "$work/$language.out" a-6 a-7
done

say "a controller of one's own"
checksum() { kubus get configmap "$1" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["metadata"].get("annotations", {}).get("example.org/checksum", "none"))'; }
sum_of() { printf '{"k": "%s"}' "$1" | sha256sum | cut -d ' ' -f 1; }
labelled() {
  kubus apply -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, labels: {example.org/checksum: wanted}}
data: {k: $2}
YAML
}
labelled early one
start controller in_python controller.py --credentials "$credentials"
eventually 10 "$(sum_of one)" checksum early
labelled late two
eventually 10 "$(sum_of two)" checksum late
labelled late three
eventually 10 "$(sum_of three)" checksum late
kill_component store
kubus label configmap late example.org/checksum- >/dev/null
eventually 10 none checksum late
expect "because of" kubus events configmap late

say "asked before Pods are made"
expect created kubus user create images --may admission:images --out "$work/images.json"
start admission in_python admission.py --credentials "$work/images.json" --allow kubus.local/
eventually 10 "asked from now on" cat "$work/admission.err"
kubus apply -f - >/dev/null <<'YAML'
apiVersion: kubus.io/v1
kind: AdmissionSubscriber
metadata: {name: images}
spec: {rules: [{groups: [""], resources: [pods], operations: [CREATE, UPDATE]}]}
YAML
pod() { printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: c, image: %s}]}\n' "$1" "$2"; }
refuse "container c: images come from kubus.local/ alone" kubus create -f - < <(pod bad elsewhere.example/web:1)
expect created kubus create -f - < <(pod good kubus.local/web:1)
expect checked kubus get pod good -o yaml
kill_component store
refuse "images come from kubus.local/ alone" kubus create -f - < <(pod bad elsewhere.example/web:1)
expect deleted kubus delete admissionsubscriber images
expect created kubus create -f - < <(pod bad elsewhere.example/web:1)

say "failed Pods reach a webhook that comes late"
kubus apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: job}
spec: {restartPolicy: Never, containers: [{name: main, image: job}]}
YAML
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start failed in_node failed_pods.js --credentials "$credentials" --url "http://127.0.0.1:$port/" --state "$work/failed.position" \
  --after 1
kubus patch pod job --subresource status --type merge -p '{"status":{"phase":"Failed","reason":"Evicted","containerStatuses":[{"name":"main","image":"job","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":3,"reason":"Error"}}}]}}' >/dev/null
eventually 10 "again in" cat "$work/failed.err"
start sink python3 "$here/http_sink.py" "$port" "$work/told"
eventually 20 '"exitCode":3' cat "$work/told"
expect '"pod":"default/job"' cat "$work/told"
say "ok"
