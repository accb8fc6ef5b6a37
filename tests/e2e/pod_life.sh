#!/usr/bin/env bash
# How Pods live on a real containerd: probes, hooks, restarts, sidecars, ends of every kind, and a kubelet that is alone.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"

# condition POD TYPE: "True since TIME"
condition() {
  kubus get pod "$1" -o json | python3 -c "
import json, sys
for c in json.load(sys.stdin)['status'].get('conditions', []):
    if c['type'] == '$2':
        print(c['status'], 'since', c['lastTransitionTime'])"
}
events() { kubus get events -o json | python3 -c "
import json, sys
for e in json.load(sys.stdin)['items']:
    if e['involvedObject']['name'] == '$1':
        print(e['type'], e['reason'], e['message'], 'by', e['source']['component'])"; }
# The host's process ids of what runs as COMMAND.
processes() {
  local p line
  for p in /proc/[0-9]*; do
    line=$(tr '\0' ' ' 2>/dev/null <"$p/cmdline") || continue
    [[ $line == "$1 " ]] && printf '%s\n' "${p#/proc/}"
  done
  return 0
}
one_process() { [[ $(processes "$1" | wc -l) == 1 ]] && processes "$1"; }

start_node
kubus image import "$bin/../images/web.tar" >/dev/null
mkdir "$work/hooks"

api=$(sed -n 's|.*server: "\{0,1\}https://[^:]*:\([0-9]*\).*|\1|p' "$KUBUS_STATE/kubeconfig")
kubus apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: gate}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: kubus.local/web:1
    command: [sh, -c, "mkdir /tmp/w; (sleep 4; echo ok >/tmp/w/ready) & exec httpd -f -p 8080 -h /tmp/w"]
    ports: [{name: http, containerPort: 8080}]
    readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: alive}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: kubus.local/web:1
    command: [sh, -c, "(sleep 3; echo >/tmp/bad) & exec sleep 10000"]
    livenessProbe: {exec: {command: [sh, -c, "test ! -e /tmp/bad"]}, periodSeconds: 1, failureThreshold: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: hooks}
spec:
  terminationGracePeriodSeconds: 10
  containers:
  - name: c
    image: kubus.local/web:1
    command: [sh, -c, "trap 'echo ended >>/hooks/log; exit' TERM; while :; do sleep 0.1; done"]
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo started >>/hooks/log"]}}
      preStop: {exec: {command: [sh, -c, "echo stopping >>/hooks/log"]}}
    volumeMounts: [{name: hooks, mountPath: /hooks}]
  volumes: [{name: hooks, hostPath: {path: $work/hooks}}]
---
apiVersion: v1
kind: Pod
metadata: {name: badhook}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "kubus.local/web:1", command: [sleep, "10001"], lifecycle: {postStart: {exec: {command: [sh, -c, "echo not today; exit 1"]}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec:
  containers:
  - {name: c, image: "kubus.local/web:1", command: [sh, -c, "echo my last words; exit 7"], terminationMessagePolicy: FallbackToLogsOnError}
---
apiVersion: v1
kind: Pod
metadata: {name: beside}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  initContainers:
  - name: side
    image: kubus.local/web:1
    restartPolicy: Always
    command: [sh, -c, "sleep 1; exec httpd -f -p 9090 -h /"]
    startupProbe: {tcpSocket: {port: 9090}, periodSeconds: 1}
  containers: [{name: c, image: "kubus.local/web:1", command: [sh, -c, "echo x | nc 127.0.0.1 9090 >/dev/null"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: badinit}
spec:
  restartPolicy: Never
  initContainers: [{name: first, image: "kubus.local/web:1", command: [sh, -c, "echo no >/dev/termination-log; exit 4"]}]
  containers: [{name: c, image: "kubus.local/web:1", command: [sleep, "10002"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: noimage}
spec: {containers: [{name: c, image: "kubus.local/nothing:1", imagePullPolicy: Never}]}
---
apiVersion: v1
kind: Pod
metadata: {name: nocommand}
spec: {restartPolicy: Never, containers: [{name: c, image: "kubus.local/web:1", command: [/no/such/program]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: nomemory}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: "kubus.local/web:1", command: [sh, -c, "x=aaaaaaaaaaaaaaaa; while :; do x=\$x\$x; done"], resources: {limits: {memory: 24Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: tiny}
spec:
  restartPolicy: Never
  containers: [{name: c, image: "kubus.local/web:1", command: [sleep, "10003"], resources: {limits: {memory: 64Ki}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: late}
spec:
  activeDeadlineSeconds: 3
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: "kubus.local/web:1", command: [sleep, "10004"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: secure}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: kubus.local/web:1
    command: [sleep, "10005"]
    readinessProbe: {httpGet: {scheme: HTTPS, host: 127.0.0.1, port: $api, path: /readyz}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: chatty}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: "kubus.local/web:1", command: [sh, -c, "yes 0123456789012345678901234567890123456789 | head -c 8000000; exec sleep 10006"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: alone}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: "kubus.local/web:1", command: [sleep, "98765"]}]
YAML

say "a Pod is ready when its probe says so, not before"
eventually 20 "Running" field gate status.phase
expect False field gate status.containerStatuses.0.ready
expect False condition gate Ready
eventually 20 True field gate status.containerStatuses.0.ready
expect True condition gate Ready
expect "Readiness probe failed: HTTP probe failed with statuscode: 404" events gate

eventually 10 True condition secure Ready

say "what fails its liveness probe is started again"
eventually 20 1 field alive status.containerStatuses.0.restartCount
expect "Liveness probe failed" events alive
expect "failed liveness probe, will be restarted" events alive

say "hooks run after the start and before the end"
eventually 20 True field hooks status.containerStatuses.0.ready
kubus delete pod hooks >/dev/null
expect "started stopping ended" xargs <"$work/hooks/log"
eventually 20 Failed field badhook status.phase
expect "FailedPostStartHook" events badhook

say "crashes are held back and say how they ended"
eventually 20 CrashLoopBackOff field crash status.containerStatuses.0.state.waiting.reason
expect 7 field crash status.containerStatuses.0.lastState.terminated.exitCode
expect Error field crash status.containerStatuses.0.lastState.terminated.reason
expect "my last words" field crash status.containerStatuses.0.lastState.terminated.message
eventually 60 "s restarting failed container=c pod=crash_default(" field crash status.containerStatuses.0.state.waiting.message
expect "Warning BackOff" events crash

say "a sidecar starts before the others and ends after them"
eventually 20 Succeeded field beside status.phase
expect 0 field beside status.containerStatuses.0.state.terminated.exitCode
expect terminated field beside status.initContainerStatuses.0.state

say "what cannot run says why"
eventually 20 Failed field badinit status.phase
expect 4 field badinit status.initContainerStatuses.0.state.terminated.exitCode
expect no field badinit status.initContainerStatuses.0.state.terminated.message
expect PodInitializing field badinit status.containerStatuses.0.state.waiting.reason
eventually 20 ErrImageNeverPull field noimage status.containerStatuses.0.state.waiting.reason
eventually 20 Failed field nocommand status.phase
expect StartError field nocommand status.containerStatuses.0.state.terminated.reason
expect "/no/such/program" field nocommand status.containerStatuses.0.state.terminated.message
eventually 20 Failed field nomemory status.phase
expect OOMKilled field nomemory status.containerStatuses.0.state.terminated.reason
eventually 20 "raise resources.limits.memory" field tiny status
eventually 20 DeadlineExceeded field late status.reason
expect Failed field late status.phase

say "a log that has grown too large is rotated"
logs=$KUBUS_STATE/kubelet/pods/$(field chatty metadata.uid)/logs/c
eventually 15 "0.log." ls "$logs"
[[ -e $logs/0.log && $(stat -c %s "$logs/0.log") -lt 1000000 ]] || { say "FAILED: no new log"; ls -l "$logs"; exit 1; }

say "a kubelet that is alone goes on: it adopts, and starts again what crashes"
eventually 20 True field alone status.containerStatuses.0.ready
gate=$(field gate status.containerStatuses.0.containerID)
since=$(condition gate Ready)
kubus delete pod crash alive badhook nocommand >/dev/null
bus=$(pid_of nats-server)
kill -STOP "$bus"
kill_component kubelet
first=$(one_process "sleep 98765")
kill -9 "$first"
eventually 15 "" one_process "sleep 98765"
second=$(one_process "sleep 98765")
[[ $second != "$first" ]] || { say "FAILED: it did not end"; exit 1; }
kill -CONT "$bus"
eventually 30 1 field alone status.containerStatuses.0.restartCount
expect 137 field alone status.containerStatuses.0.lastState.terminated.exitCode
expect "$second" one_process "sleep 98765"
[[ $(field gate status.containerStatuses.0.containerID) == "$gate" ]] || { say "FAILED: the other container was replaced"; exit 1; }
expect 0 field gate status.containerStatuses.0.restartCount
expect "$since" condition gate Ready

say "a Pod that is deleted by force is gone at once"
kubus delete pod gate --grace-period 0 --force >/dev/null 2>&1 || kubus delete pod gate --grace-period 0 >/dev/null
refuse "not found" kubus get pod gate
say "ok ($SECONDS s)"
