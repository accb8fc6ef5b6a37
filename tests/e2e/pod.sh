#!/usr/bin/env bash
# A manifest becomes a running container on real containerd; everything is killed and the container lives on; down leaves
# nothing behind. Needs root.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
node=e2e-node
kubus up --node "$node" --api-port 0 --bus-port 0 --pod-cidr 10.213.0.0/16 >"$work/up.txt"
expect Ready kubus get nodes
kubus image import "$bin/../images/web.tar" >/dev/null

say "a Pod runs and serves"
PATH=$bin:$PATH
kubus apply -f "$here/../../compose/examples/web.yaml" >/dev/null
"$here/../../compose/examples/wait-running" web 30 >/dev/null
pod_field() { kubus get pod web -o json | sed -n "s/.*\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1; }
address=
serves() {
  [[ -n $address ]] || address=$(pod_field podIP)
  [[ $(printf 'GET / HTTP/1.0\r\n\r\n' | busybox nc -w 5 "$address" 8080) == *"hello from Kubus"* ]]
}
until serves; do read -rt 0.05 <> <(:) || true; done
container=$(pod_field containerID)
[[ -n $container ]] || { say "FAILED: no container id"; exit 1; }

say "every component is killed; the container is adopted, not restarted"
for component in kubelet containerd store nats-server; do
  kill_component "$component"
  serves || { say "FAILED: the Pod does not serve after $component was killed"; exit 1; }
done
supervisor=$(sed -n 's/^{"pid":\([0-9]*\),.*/\1/p' "$KUBUS_STATE/run/status.json")
kill -9 "$supervisor"
serves || { say "FAILED: the Pod does not serve without its supervisor"; exit 1; }
expect ready kubus up
# A write that comes after all that is acted on, so the kubelet has seen everything before it.
printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: later\nspec:\n  restartPolicy: Never\n  containers:\n  - name: c\n    image: kubus.local/web:1\n    imagePullPolicy: Never\n    command: ["/bin/sh", "-c", "exit 3"]\n' | kubus apply -f - >/dev/null
for _ in $(seq 300); do
  [[ $(kubus get pod later -o json) == *'"phase": "Failed"'* ]] && break
  read -rt 0.1 <> <(:) || true
done
expect '"exitCode": 3' kubus get pod later -o json
[[ $(pod_field containerID) == "$container" ]] || { say "FAILED: the container was replaced"; exit 1; }
[[ $(pod_field restartCount) == 0 ]] || { say "FAILED: the container was restarted"; exit 1; }
serves || { say "FAILED: the Pod does not serve any more"; exit 1; }

say "what cannot run says why"
printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: missing\nspec:\n  containers:\n  - name: c\n    image: kubus.local/nothing:1\n    imagePullPolicy: Never\n' | kubus apply -f - >/dev/null
for _ in $(seq 100); do
  [[ $(kubus get pod missing) == *ErrImageNeverPull* ]] && break
  read -rt 0.1 <> <(:) || true
done
expect ErrImageNeverPull kubus get pod missing

say "deleted Pods go"
kubus delete pod web --grace-period 1 >/dev/null
refuse "not found" kubus get pod web
expect deleted kubus delete pod missing later

say "down leaves nothing behind"
kubus down >/dev/null
leftovers=$(grep -cF "$KUBUS_STATE/" /proc/self/mounts || true)
[[ $leftovers == 0 ]] || { say "FAILED: mounts are left"; grep -F "$KUBUS_STATE/" /proc/self/mounts; exit 1; }
printf '%s' "$KUBUS_STATE" >"$work/pattern" # not on a command line: grep would find itself
left=$(grep -lsF -f "$work/pattern" /proc/[0-9]*/cmdline || true)
[[ -z $left ]] || { say "FAILED: processes are left: $left"; exit 1; }
say "ok"
