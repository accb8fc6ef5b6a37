#!/usr/bin/env bash
# How Pods are set up, on a real containerd: users, groups, rights, names, limits, volumes, the account's token and the way to
# the API; and what is refused says why.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"
images=$bin/../images

# words POD: what its first container left as last words.
words() { field "$1" status.containerStatuses.0.state.terminated.message; }
# run NAME SPEC SCRIPT [CONTAINER-FIELDS]: a Pod whose script's output becomes its last words.
run() {
  python3 - "$@" <<'PY' >"$work/pod.json"
import json, sys
name, spec, script = sys.argv[1:4]
more = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
c = {"name": "c", "image": "kubus.local/web:1", "imagePullPolicy": "Never",
     "command": ["sh", "-c", "(" + script + ") > /dev/termination-log 2>&1"]}
c.update(more)
pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
       "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [c]}}
pod["spec"].update(json.loads(spec))
print(json.dumps(pod))
PY
  kubus apply -f "$work/pod.json" >/dev/null
}
# ends NAME TEXT…: the Pod ends well and its last words hold each text.
ends() {
  local pod=$1 text
  shift
  eventually 40 '"phase": "Succeeded"' kubus get pod "$pod" -o json
  for text in "$@"; do expect "$text" words "$pod"; done
}
api() { curl -sS -m 5 --cacert "$KUBUS_STATE/pki/ca.crt" -H "Authorization: Bearer $1" "https://$address:$port$2"; }

start_node
expect imported kubus image import "$images/web.tar"
address=$(kubus get nodes -o json | python3 -c "import json,sys; print([a['address'] for a in json.load(sys.stdin)['items'][0]['status']['addresses'] if a['type']=='InternalIP'][0])")
port=$(sed -n 's/.*"apiPort":\([0-9]*\).*/\1/p' "$KUBUS_STATE/config.json")

say "users, groups and rights"
run user '{"securityContext":{"runAsUser":1000,"runAsGroup":3000,"fsGroup":2000,"supplementalGroups":[4000]},"volumes":[{"name":"v","emptyDir":{}}]}' \
  'id; ls -ldn /v; echo x > /v/x; ls -ln /v/x; touch /x; ls -lLn /var/run/secrets/kubernetes.io/serviceaccount/token; busybox head -c 3 /var/run/secrets/kubernetes.io/serviceaccount/token; busybox grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status' \
  '{"volumeMounts":[{"name":"v","mountPath":"/v"}],"securityContext":{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}}}'
run caps '{}' 'busybox grep CapBnd /proc/self/status; busybox cat /proc/keys | busybox wc -c; busybox cat /proc/1/oom_score_adj' \
  '{"securityContext":{"capabilities":{"drop":["ALL"],"add":["NET_ADMIN"]}},"resources":{"limits":{"cpu":"100m","memory":"32Mi"}}}'
run root '{"securityContext":{"runAsNonRoot":true}}' 'id'
run sysctl '{"securityContext":{"sysctls":[{"name":"net.ipv4.ip_unprivileged_port_start","value":"79"}]}}' 'busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start'
run unsafe '{"securityContext":{"sysctls":[{"name":"kernel.msgmax","value":"1"}]}}' 'id'
run sandboxed '{"securityContext":{"seccompProfile":{"type":"RuntimeDefault"}}}' 'busybox grep Seccomp: /proc/self/status'
ends user "uid=1000" "gid=3000" "2000" "4000" "drwxrwsrwx" "2000" "Read-only file system" "CapEff:	0000000000000000" "NoNewPrivs:	1" "-rw-r-----" eyJ
ends caps "CapBnd:	0000000000001000"
ends sysctl 79
ends sandboxed "Seccomp:	2"
eventually 20 "runAsNonRoot is set, and the container would run as root" kubus get pod root -o json
expect CreateContainerConfigError kubus get pod root -o json
eventually 20 "the sysctl kernel.msgmax is not one of those that are safe" kubus get pod unsafe -o json

say "names"
run names '{"hostname":"boss","subdomain":"team","setHostnameAsFQDN":true,"hostAliases":[{"ip":"192.0.2.77","hostnames":["far","away"]}],"dnsPolicy":"None","dnsConfig":{"nameservers":["192.0.2.53"],"searches":["a.example"],"options":[{"name":"ndots","value":"3"}]}}' \
  'busybox hostname; busybox cat /etc/hosts /etc/resolv.conf'
ends names "boss.team.default.svc.cluster.local" "192.0.2.77	far	away" "nameserver 192.0.2.53" "search a.example" "options ndots:3"

say "volumes"
kubus apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: texts}
data: {one: "first", two: "second"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {key: "hidden"}
YAML
run volumes '{"volumes":[{"name":"mem","emptyDir":{"medium":"Memory","sizeLimit":"1Mi"}},{"name":"t","configMap":{"name":"texts","items":[{"key":"one","path":"a/b","mode":256}]}},{"name":"s","secret":{"secretName":"keys"}},{"name":"d","downwardAPI":{"items":[{"path":"labels","fieldRef":{"fieldPath":"metadata.labels"}},{"path":"cpu","resourceFieldRef":{"containerName":"c","resource":"limits.cpu","divisor":"1m"}}]}},{"name":"e","emptyDir":{}}]}' \
  'busybox df -k /mem | busybox tail -n 1; busybox dd if=/dev/zero of=/mem/big bs=1k count=2000 2>&1; cat /t/a/b; ls -lL /t/a/b; echo; cat /s/key; echo; cat /d/labels; echo; cat /d/cpu; echo; echo y > /s/no; busybox pwd; echo z > here' \
  '{"env":[{"name":"WHERE","value":"deep/er"}],"workingDir":"/e","resources":{"limits":{"cpu":"1500m"}},"volumeMounts":[{"name":"mem","mountPath":"/mem"},{"name":"t","mountPath":"/t"},{"name":"s","mountPath":"/s"},{"name":"d","mountPath":"/d"},{"name":"e","mountPath":"/e","subPathExpr":"$(WHERE)"}]}'
ends volumes "1024" "No space left" "first" "-r--------" "hidden" 'app="volumes"' "1500" "Read-only file system" "/e"
uid=$(field volumes metadata.uid)
expect z cat "$KUBUS_STATE/kubelet/pods/$uid/volumes/e/deep/er/here"
expect tmpfs grep -F "$uid/volumes/mem" /proc/self/mounts
expect deleted kubus delete pod volumes
eventually 20 gone sh -c "grep -F $uid /proc/self/mounts || echo gone"

say "a ConfigMap that changes is seen by a Pod that runs"
run follows '{"volumes":[{"name":"t","configMap":{"name":"texts"}}]}' \
  'until busybox grep -q later /t/one; do sleep 0.2; done; cat /t/one' '{"volumeMounts":[{"name":"t","mountPath":"/t"}]}'
eventually 30 Running kubus get pod follows
kubus apply -f - >/dev/null <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"texts"},"data":{"one":"later"}}'
ends follows later

say "the way to the API: address, CA and token in every Pod"
run client '{"volumes":[{"name":"host","hostPath":{"path":"/"}}]}' \
  'cd /var/run/secrets/kubernetes.io/serviceaccount; cat namespace; echo; env | busybox grep ^KUBERNETES_; busybox mkdir -p /host'"$work"'/pod; busybox cp token ca.crt /host'"$work"'/pod/
   busybox chroot /host curl -sS -m 5 --cacert '"$work"'/pod/ca.crt -H "Authorization: Bearer $(cat token)" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/default/pods' \
  '{"volumeMounts":[{"name":"host","mountPath":"/host"}]}'
ends client "default" "KUBERNETES_SERVICE_HOST=10.96.0.1" "KUBERNETES_SERVICE_PORT_HTTPS=443" "KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1" '"reason":"Forbidden"' "system:serviceaccount:default:default"
run api '{"serviceAccountName":"default"}' 'sleep 1000'
eventually 30 Running kubus get pod api
token=$(cat "$KUBUS_STATE/kubelet/pods/$(field api metadata.uid)"/volumes/kube-api-access-*/token)
expect '"gitVersion"' api "$token" /version
expect '"code":403' api "$token" /api/v1/namespaces/default/pods
expect '"code":401' api "x$token" /api/v1/namespaces/default/pods
expect '"code":401' api "" /api/v1/namespaces/default/pods
kubus apply -f - >/dev/null <<<'{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"default","annotations":{"kubus.io/role":"view"}}}'
expect '"kind":"PodList"' api "$token" /api/v1/namespaces/default/pods
expect '"code":403' api "$token" /api/v1/namespaces/default/secrets
expect deleted kubus delete pod api
eventually 30 '"code":401' api "$token" /api/v1/namespaces/default/pods

say "the node's and each other's namespaces, ports of the node"
hostport=$(python3 -c 'import socket; s=socket.socket(); s.bind(("",0)); print(s.getsockname()[1])')
run host '{"hostNetwork":true,"hostPID":true,"hostAliases":[{"ip":"192.0.2.78","hostnames":["far"]}]}' 'busybox cat /proc/net/dev | busybox tail -n +3 | busybox wc -l; busybox tail -n 1 /etc/hosts; busybox ps | busybox grep -c containerd-shim'
run port '{}' '' '{"command":["sh","-c","echo from a port of the node > /tmp/x && exec httpd -f -p 8080 -h /tmp"],"ports":[{"containerPort":8080,"hostPort":'"$hostport"'}]}'
run shared '{"shareProcessNamespace":true}' 'busybox ps' '{"securityContext":{"privileged":true}}'
run masked '{}' 'busybox wc -c < /proc/timer_list; busybox mount | busybox grep -c "proc/sys.*ro,"'
ends host "192.0.2.78	far"
ends shared /pause
ends masked 0
eventually 30 Running kubus get pod port
eventually 10 "from a port of the node" curl -sS -m 2 "http://$address:$hostport/x"

say "variables"
run variables '{}' 'env' '{"envFrom":[{"prefix":"P_","configMapRef":{"name":"texts"}},{"secretRef":{"name":"none","optional":true}}],"env":[{"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}},{"name":"HOSTIP","valueFrom":{"fieldRef":{"fieldPath":"status.hostIP"}}},{"name":"MEM","valueFrom":{"resourceFieldRef":{"resource":"limits.memory"}}},{"name":"K","valueFrom":{"secretKeyRef":{"name":"keys","key":"key"}}},{"name":"BOTH","value":"$(P_one)-$(K)"}]}'
ends variables "P_one=later" "HOSTIP=$address" "MEM=" "BOTH=later-hidden"
run lacks '{}' id '{"envFrom":[{"configMapRef":{"name":"none"}}]}'
eventually 20 'ConfigMap \"none\" does not exist' kubus get pod lacks -o json

say "a taken name, a field that nothing acts on, images"
run classy '{"runtimeClassName":"kata"}' id
eventually 20 "runtimeClassName is not supported" kubus get pod classy -o json
run bad '{}' id '{"image":"Not/An:Image"}'
eventually 20 InvalidImageName kubus get pod bad -o json
run far '{}' id '{"image":"127.0.0.1:9/none:1","imagePullPolicy":"Always"}'
eventually 20 "this node cannot reach the registry" kubus get pod far -o json
run stays '{"volumes":[{"name":"mem","emptyDir":{"medium":"Memory"}}]}' 'sleep 1000' '{"volumeMounts":[{"name":"mem","mountPath":"/mem"}]}'
eventually 30 Running kubus get pod stays
expect stopped kubus down
if grep -F "$KUBUS_STATE" /proc/self/mounts; then say "FAILED: down leaves mounts"; exit 1; fi
say "ok"
