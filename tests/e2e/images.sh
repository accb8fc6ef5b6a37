#!/usr/bin/env bash
# Images of registries on loopback, open and with passwords: pull policies, pull secrets, and what is said when a pull fails.
[[ $EUID == 0 ]] || exit 77
command -v docker-registry >/dev/null && command -v htpasswd >/dev/null || exit 77
source "$(dirname "$0")/lib.sh"
images=$bin/../images
registries=()
stop_all() {
  local rc=$?
  ((${#registries[@]} == 0)) || kill "${registries[@]}" 2>/dev/null || true
  return $rc
}
trap 'set +e; stop_all; cleanup' EXIT

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
# registry NAME PORT [AUTH]: starts one.
registry() {
  mkdir -p "$work/$1"
  cat >"$work/$1.yml" <<YAML
version: 0.1
storage: {filesystem: {rootdirectory: $work/$1}}
http: {addr: "127.0.0.1:$2"}
${3:-}
YAML
  docker-registry serve "$work/$1.yml" >"$work/$1.log" 2>&1 &
  registries+=($!)
  eventually 10 "" curl -s "http://127.0.0.1:$2/v2/"
}
# push PORT NAME TAG [USER:PASSWORD]: the image of web.tar.
push() {
  python3 - "$images/web.tar" "$@" <<'PY'
import base64, json, sys, tarfile, urllib.request
archive, port, name, tag = sys.argv[1:5]
login = base64.b64encode(sys.argv[5].encode()).decode() if len(sys.argv) > 5 else ""
base = "http://127.0.0.1:%s" % port
def call(method, url, data=None, kind="application/octet-stream"):
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    if login: request.add_header("Authorization", "Basic " + login)
    return urllib.request.urlopen(request)
tar = tarfile.open(archive)
read = lambda digest: tar.extractfile("blobs/" + digest.replace(":", "/")).read()
manifest = json.load(tar.extractfile("index.json"))["manifests"][0]
body = read(manifest["digest"])
parts = json.loads(body)
for part in parts["layers"] + [parts["config"]]:
    where = call("POST", "%s/v2/%s/blobs/uploads/" % (base, name), b"").headers["Location"]
    where = where if where.startswith("http") else base + where
    call("PUT", where + ("&" if "?" in where else "?") + "digest=" + part["digest"], read(part["digest"]))
call("PUT", "%s/v2/%s/manifests/%s" % (base, name, tag), body, parts.get("mediaType", manifest["mediaType"]))
PY
}
# pod NAME IMAGE POLICY [SPEC]
pod() {
  local more=${4:+,$4}
  kubus apply -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"$1\"},\"spec\":{\"terminationGracePeriodSeconds\":1,\"containers\":[{\"name\":\"c\",\"image\":\"$2\",\"imagePullPolicy\":\"$3\",\"command\":[\"sleep\",\"1000\"]}]$more}}"
}

open=$(free_port)
registry open "$open"
closed=$(free_port)
htpasswd -Bbn jane secret >"$work/htpasswd" 2>/dev/null
registry closed "$closed" "auth: {htpasswd: {realm: here, path: $work/htpasswd}}"
push "$open" web 1
push "$open" team/tools 2
push "$closed" private/web 1 jane:secret
start_node

say "a registry without passwords"
pod never "127.0.0.1:$open/web:1" Never
eventually 20 ErrImageNeverPull kubus get pod never
pod present "127.0.0.1:$open/web:1" IfNotPresent
pod always "127.0.0.1:$open/team/tools:2" Always
eventually 40 Running kubus get pod present
eventually 40 Running kubus get pod always
eventually 40 Running kubus get pod never
expect "@sha256:" field present status.containerStatuses.0.imageID

say "what is not there, and what is no name"
pod absent "127.0.0.1:$open/web:9" IfNotPresent
eventually 20 ErrImagePull kubus get pod absent
expect "check its name and tag" kubus get pod absent -o json
eventually 20 ImagePullBackOff kubus get pod absent
push "$open" web 9
eventually 60 Running kubus get pod absent
pod named "127.0.0.1:$open/Web:1" IfNotPresent
eventually 20 InvalidImageName kubus get pod named

say "a registry with passwords"
pod stranger "127.0.0.1:$closed/private/web:1" Always
eventually 20 "the registry wants credentials" kubus get pod stranger -o json
# login USER PASSWORD: a Secret's value for the closed registry
login() { printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}' "$closed" "$(printf '%s:%s' "$1" "$2" | base64)" | base64 -w 0; }
secret() { kubus apply -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"$1\"},\"type\":\"kubernetes.io/dockerconfigjson\",\"data\":{\".dockerconfigjson\":\"$2\"}}"; }
secret wrong "$(login jane guess)"
pod guesser "127.0.0.1:$closed/private/web:1" Always '"imagePullSecrets":[{"name":"wrong"}]'
eventually 20 "the registry refuses the credentials" kubus get pod guesser -o json
pod waits "127.0.0.1:$closed/private/web:1" Always '"imagePullSecrets":[{"name":"later"}]'
eventually 20 'the pull secret \"later\" does not exist' kubus get pod waits -o json
secret later "$(login jane secret)"
eventually 60 Running kubus get pod waits
secret old "$(login nobody x)"
kubus apply -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"cfg\"},\"type\":\"kubernetes.io/dockercfg\",\"data\":{\".dockercfg\":\"$(printf '{"http://127.0.0.1:%s":{"username":"jane","password":"secret"}}' "$closed" | base64 -w 0)\"}}"
kubus apply -f - >/dev/null <<<'{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"puller","namespace":"default"},"imagePullSecrets":[{"name":"old"},{"name":"cfg"}]}'
pod account "127.0.0.1:$closed/private/web:1" Always '"serviceAccountName":"puller"'
eventually 40 Running kubus get pod account
eventually 60 "127.0.0.1:$closed/private/web:1" kubus get nodes -o json
expect stopped kubus down
say "ok"
