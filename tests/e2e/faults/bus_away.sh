#!/usr/bin/env bash
# The bus is away for a while: Pods and Services of a real node go on, and when it is back nothing restarts and nobody is
# evicted.
# AWAY: seconds of it; 3600 for an hour.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"
away=${AWAY:-45}

kubus up --api-port 0 --bus-port 0 >/dev/null
kubus image import "$bin/../images/web.tar" >/dev/null
kubus apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {index.html: "still here"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: kubus.local/web:1
        imagePullPolicy: Never
        command: [/bin/httpd, -f, -p, "8080", -h, /www]
        readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}
        livenessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 2}
        volumeMounts: [{name: page, mountPath: /www}]
      volumes: [{name: page, configMap: {name: page}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
YAML
settles web 2 60
address=$(kubus get service web -o json | sed -n 's/.*"clusterIP": "\(.*\)".*/\1/p')
serves() { curl -fsS -m 2 "http://$address/index.html"; }
eventually 20 "still here" serves
# What must not change: who there is, where, and how often each was started.
identities() {
  kubus get pods -l app=web -o json | python3 -c "import json, sys
for p in json.load(sys.stdin)['items']:
    print(p['metadata']['uid'], p['spec']['nodeName'], p['status']['podIP'],
          [(c['containerID'], c['restartCount']) for c in p['status']['containerStatuses']])" | sort
}
before=$(identities)

say "the bus is away for $away s"
until=$((SECONDS + away)) asked=0
bus=$(pid_of nats-server)
kill -STOP "$bus"
while ((SECONDS < until)); do
  answer=$(serves) || { say "FAILED: the Service does not answer after $((SECONDS - until + away)) s"; exit 1; }
  [[ $answer == "still here" ]]
  asked=$((asked + 1))
  pause 0.5
done
# It comes back as a new server, which knows nobody.
kill -9 "$bus"

eventually 40 Ready kubus get nodes
settles web 2 40
for _ in $(seq 20); do serves >/dev/null; pause 0.5; done
after=$(identities)
[[ $before == "$after" ]] || { say "FAILED: before: $before; after: $after"; exit 1; }
kubus get events -o json | grep -q '"reason": "\(Killing\|TaintManagerEviction\|Evicted\)"' && { say "FAILED: somebody was evicted"; exit 1; }
say "ok: $asked times asked meanwhile, nothing started anew"
