#!/usr/bin/env bash
# What Pods are made of, on a real containerd: sources, volumes, init containers, restarts; and that nothing stays of them.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"
images=$bin/../images

in_containerd() { ctr -a "$(sed -n 's/^  address = "\(.*\)"/\1/p' "$KUBUS_STATE/containerd/config.toml" | head -n 1)" -n k8s.io "$@"; }
# What this cluster may leave on the machine, a line each.
traces() {
  local process command
  for process in /proc/[0-9]*; do
    command=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline") || continue
    [[ $command != *"$KUBUS_STATE"* ]] || printf '%s\n' "$command"
  done
  grep -F "$KUBUS_STATE" /proc/self/mounts || true
  ip -o link show | grep -F " $bridge" || true
  iptables-save 2>/dev/null | grep -F "$bridge" || true
}

rules_before=$(iptables-save 2>/dev/null | grep -c '^-A' || true)
start_node
bridge=$(sed -n 's/.*"bridge": "\(.*\)",/\1/p' "$KUBUS_STATE/containerd/network.template")
node=$(kubus get nodes -o name | sed 's/.*\///')
[[ -n $node ]] || { say "FAILED: no node"; exit 1; }

say "an image that is not there is told, and helps once it is imported"
kubus apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {BASE: "", index.html: "hello from a config map"}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: web
    image: kubus.local/web:1
    imagePullPolicy: Never
    command: [/bin/httpd, -f, -p, "8080", -h, $(ROOT)]
    envFrom: [{configMapRef: {name: page}}]
    env: [{name: ROOT, value: $(BASE)/www}, {name: SELF, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    volumeMounts: [{name: page, mountPath: /www}]
  volumes: [{name: page, configMap: {name: page}}]
YAML
eventually 20 ErrImageNeverPull kubus get pod web -o json
expect imported kubus image import "$images/web.tar"
eventually 30 Running kubus get pod web
ip=$(field web status.podIP)
expect "hello from a config map" curl -sS -m 5 "http://$ip:8080/index.html"
expect "pods/default/web" kubus events pod web

say "a Pod that ends is told with its exit code; one that fails starts again"
kubus apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: once}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  initContainers:
  - {name: beside, restartPolicy: Always, image: "kubus.local/web:1", command: [sleep, "1000"]}
  - {name: first, image: "kubus.local/web:1", command: [sh, -c, "echo made > /shared/x"], volumeMounts: [{name: s, mountPath: /shared}]}
  containers: [{name: c, image: "kubus.local/web:1", command: [sh, -c, "cat /shared/x && exit 3"], volumeMounts: [{name: s, mountPath: /shared}]}]
  volumes: [{name: s, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: "kubus.local/web:1", command: [sh, -c, "exit 1"]}]
YAML
eventually 30 '"phase": "Failed"' kubus get pod once -o json
expect 3 field once status.containerStatuses.0.state.terminated.exitCode
eventually 30 '"restartCount": 1' kubus get pod again -o json

say "a deleted Pod goes, with all that it had"
uid=$(field web metadata.uid)
expect deleted kubus delete pod web
eventually_gone 30 kubus get pod web
eventually_gone 10 curl -sS -m 1 "http://$ip:8080/index.html"
eventually_gone 10 test -e "$KUBUS_STATE/kubelet/pods/$uid"
[[ $(in_containerd containers list | grep -c "$uid") == 0 ]] || { say "FAILED: containers are left"; exit 1; }

say "down leaves nothing, with Pods running"
kubus apply -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"stays"},"spec":{"containers":[{"name":"c","image":"kubus.local/web:1","command":["sleep","1000"]}]}}'
eventually 30 Running kubus get pod stays
expect stopped kubus down
left=$(traces)
[[ -z $left ]] || { say "FAILED: down leaves: $left"; exit 1; }
[[ $(iptables-save 2>/dev/null | grep -c '^-A' || true) == "$rules_before" ]] || { say "FAILED: down leaves rules"; exit 1; }

say "and up brings it back"
expect ready kubus up
eventually 40 Running kubus get pod stays
expect stopped kubus down
left=$(traces)
[[ -z $left ]] || { say "FAILED: down leaves: $left"; exit 1; }
say "ok"
