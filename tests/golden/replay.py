#!/usr/bin/env python3
"""Replays recorded requests against a running API and compares what it does with what was recorded.

usage: replay.py KUBECONFIG DIR        DIR holds *.jsonl as data/README.md explains

Lines about kinds that the server does not serve are counted as skipped. Ends with `N passed, N failed, N skipped`.
"""
import base64
import copy
import http.client
import json
import pathlib
import re
import ssl
import sys
import tempfile

ALLOCATED = re.compile(r"<(allocated|uid|suffix|time|age)>")
SERVER_FIELDS = ("generateName", "uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink")


class Api:
    def __init__(self, kubeconfig):
        text = pathlib.Path(kubeconfig).read_text()
        find = lambda key: re.search(rf"{key}: *\"?([^\s\"]+)", text).group(1)
        self.host = find("server").split("//")[1]
        self.files = []
        context = ssl.create_default_context(cadata=base64.b64decode(find("certificate-authority-data")).decode())
        context.load_cert_chain(self._file(find("client-certificate-data")), self._file(find("client-key-data")))
        self.context = context
        self.connection = None

    def _file(self, encoded):
        f = tempfile.NamedTemporaryFile()
        f.write(base64.b64decode(encoded))
        f.flush()
        self.files.append(f)
        return f.name

    def call(self, method, path, body=None, content_type="application/json", accept="application/json"):
        data = json.dumps(body) if body is not None else None
        headers = {"Accept": accept, "User-Agent": "creator/1"}
        if data is not None:
            headers["Content-Type"] = content_type
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.host, context=self.context, timeout=30)
            try:
                self.connection.request(method, path, data, headers)
                response = self.connection.getresponse()
                text = response.read().decode()
                break
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 2:
                    raise
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, {"text": text}

    def resources(self):
        out = {}
        _, core = self.call("GET", "/api/v1")
        lists = [("v1", "/api/v1", core)]
        _, groups = self.call("GET", "/apis")
        for group in groups["groups"]:
            gv = group["preferredVersion"]["groupVersion"]
            lists.append((gv, "/apis/" + gv, self.call("GET", "/apis/" + gv)[1]))
        for gv, base, document in lists:
            for r in document["resources"]:
                if "/" not in r["name"]:
                    out[(gv, r["kind"])] = (base, r["name"], r["namespaced"])
        return out


def matches(expected, actual):
    if isinstance(expected, str) and isinstance(actual, (str, int)) and ALLOCATED.search(expected):
        parts = [re.escape(p) for p in re.split(r"<(?:allocated|uid|suffix|time|age)>", expected)]
        return re.fullmatch(".+".join(parts), str(actual)) is not None
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(matches(v, actual[k]) for k, v in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(matches, expected, actual))
    return type(expected) is type(actual) and expected == actual


def differences(expected, actual, path=""):
    if isinstance(expected, dict) and isinstance(actual, dict):
        out = []
        for k in sorted(expected.keys() | actual.keys()):
            if k not in actual:
                out.append(f"{path}.{k}: missing, expected {json.dumps(expected[k])}")
            elif k not in expected:
                out.append(f"{path}.{k}: unexpected {json.dumps(actual[k])}")
            else:
                out += differences(expected[k], actual[k], f"{path}.{k}")
        return out
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [d for i, (e, a) in enumerate(zip(expected, actual)) for d in differences(e, a, f"{path}[{i}]")]
    return [] if matches(expected, actual) else [f"{path}: expected {json.dumps(expected)}, got {json.dumps(actual)}"]


def stored(obj):
    """An object as it was recorded: without what only the server knows."""
    obj = copy.deepcopy(obj)
    for field in SERVER_FIELDS:
        obj.get("metadata", {}).pop(field, None)
    for template in (obj.get("spec", {}), obj.get("spec", {}).get("template", {}) if isinstance(obj.get("spec"), dict) else {}):
        template.get("metadata", {}).pop("creationTimestamp", None)
    return obj


def unallocated(line):
    """The expected object of a patch; an address that the patch did not set is the recorded server's own."""
    out = copy.deepcopy(line["out"])
    spec = out.get("spec", {})
    if spec.get("clusterIP") not in (None, "None") and "clusterIP" not in json.dumps(line["patch"]):
        spec["clusterIP"] = "<allocated>"
        spec["clusterIPs"] = ["<allocated>"]
    return out


def sendable(value):
    """A recorded object as a client can send it: nothing that the server allocates."""
    if isinstance(value, dict):
        out = {}
        for k, v in value.items():
            if isinstance(v, str) and ALLOCATED.fullmatch(v):
                continue
            if k in ("clusterIPs",) and any(ALLOCATED.search(str(i)) for i in v):
                continue
            out[k] = sendable(v)
        return out
    if isinstance(value, list):
        return [sendable(v) for v in value if not (isinstance(v, dict) and "kube-api-access" in str(v.get("name", "")))]
    return value


class Replay:
    def __init__(self, api):
        self.api = api
        self.resources = api.resources()
        self.names = {name for _, name, _ in self.resources.values()}
        self.live_chain = None
        status, _ = api.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "golden"}})
        if status not in (201, 409):
            raise SystemExit(f"cannot make the namespace: {status}")

    def collection(self, obj):
        api_version = obj.get("apiVersion") or "v1"
        found = self.resources.get((api_version, obj["kind"]))
        if not found:
            return None
        base, name, namespaced = found
        return f"{base}/namespaces/golden/{name}" if namespaced else f"{base}/{name}"

    def serves(self, path):
        """The collection of /api/v1/[namespaces/NS/]COLLECTION and /apis/G/V/[namespaces/NS/]COLLECTION."""
        parts = path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if len(parts) > 2 and parts[0] == "namespaces":
            parts = parts[2:]
        return parts[0] in self.names

    def remove(self, path, name):
        self.api.call("DELETE", f"{path}/{name}", {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
        if path.endswith("/namespaces"):
            # It holds nothing: what a namespace controller would do once it is empty.
            status, body = self.api.call("GET", f"{path}/{name}")
            if status == 200:
                body["spec"]["finalizers"] = []
                self.api.call("PUT", f"{path}/{name}/finalize", body)

    def defaults(self, line):
        if not self.serves(line["path"]):
            return None
        status, body = self.api.call("POST", line["path"], line["in"])
        if status == 201:
            self.remove(line["path"], body["metadata"]["name"])
        if status != 201:
            return [f"POST gave {status}: {body.get('message', body)}"]
        return differences(line["out"], stored(body))

    def refusals(self, line):
        if not self.serves(line["path"]):
            return None
        if "change" in line:
            return ["the object that this line changes is not recorded"]
        status, body = self.api.call("POST", line["path"] + "?fieldValidation=Strict", line["in"])
        if status == 201:
            self.remove(line["path"], body["metadata"]["name"])
        return self.refused(line, status, body)

    @staticmethod
    def refused(line, status, body):
        out = []
        if status != line["code"]:
            out.append(f"code {status}, expected {line['code']}: {body.get('message')}")
        if line.get("reason") and body.get("reason") != line["reason"]:
            out.append(f"reason {body.get('reason')}, expected {line['reason']}")
        have = sorted((c.get("field", ""), c.get("reason", "")) for c in body.get("details", {}).get("causes", []))
        want = sorted((c.get("field", ""), c.get("reason", "")) for c in line.get("causes") or [])
        if have != want:
            out.append(f"causes {have}, expected {want}")
        return out

    def patches(self, line):
        base = line["base"]
        collection = self.collection(base)
        if not collection:
            return None
        name = base["metadata"]["name"]
        if self.live_chain != (collection, name):
            if self.live_chain:
                self.remove(*self.live_chain)
            self.remove(collection, name)
            status, body = self.api.call("POST", collection + "?fieldManager=creator", sendable(base))
            self.live_chain = (collection, name)
            if status != 201:
                return [f"base: POST gave {status}: {body.get('message')}"]
        status, body = self.api.call("PATCH", f"{collection}/{name}{line.get('query') or ''}", line["patch"], "application/" + line["type"])
        if line["code"] != 200:
            return self.refused(line, status, body)
        if status != 200:
            return [f"PATCH gave {status}: {body.get('message')}"]
        return differences(unallocated(line), stored(body)) + self.managers(line, body)

    @staticmethod
    def managers(line, body):
        if "managers" not in line:
            return []
        have = [{"manager": m["manager"], "operation": m["operation"], "fields": m["fieldsV1"]}
                for m in body["metadata"].get("managedFields", [])]
        key = lambda m: json.dumps(m, sort_keys=True)
        return differences(sorted(line["managers"], key=key), sorted(have, key=key), "managers")

    def rows(self, line):
        obj = dict(line["object"])
        obj.setdefault("apiVersion", "v1")
        collection = self.collection(obj)
        if not collection:
            return None
        name = obj["metadata"]["name"]
        self.remove(collection, name)
        try:
            return self.row(collection, name, obj, line["cells"])
        finally:
            self.remove(collection, name)

    def row(self, collection, name, obj, cells):
        body = sendable(obj)
        status_part = body.pop("status", None)
        deleted = body["metadata"].pop("deletionTimestamp", None) or obj["metadata"].get("deletionTimestamp")
        body["metadata"].pop("deletionGracePeriodSeconds", None)
        if obj["kind"] == "Pod":
            # No scheduler ran beside the recorded server.
            body["spec"].setdefault("schedulerName", "none")
        code, created = self.api.call("POST", collection, body)
        if code != 201:
            return [f"POST gave {code}: {created.get('message')}"]
        if status_part and obj["kind"] not in ("Lease", "ConfigMap"):
            created["status"] = status_part
            code, answer = self.api.call("PUT", f"{collection}/{name}/status", created)
            if code != 200:
                return [f"PUT status gave {code}: {answer.get('message')}"]
        if deleted:
            self.api.call("DELETE", f"{collection}/{name}", {"gracePeriodSeconds": 30})
        code, table = self.api.call("GET", f"{collection}/{name}", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        if code != 200 or table.get("kind") != "Table":
            return [f"GET gave {code} {table.get('kind')}"]
        row = dict(zip((c["name"] for c in table["columnDefinitions"]), table["rows"][0]["cells"]))
        return differences(cells, {k: row.get(k) for k in cells})

    def line(self, file, line):
        return {"defaults": self.defaults, "refusals": self.refusals, "patches": self.patches, "rows": self.rows}[file](line)


def known_differences():
    lines = pathlib.Path(__file__).with_name("differences.txt").read_text().splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def main():
    replay = Replay(Api(sys.argv[1]))
    known = known_differences()
    total, unexpected = [0, 0, 0], 0
    for path in sorted(pathlib.Path(sys.argv[2]).glob("*.jsonl")):
        counts = [0, 0, 0]
        for number, text in enumerate(path.read_text().splitlines(), 1):
            problems = replay.line(path.stem, json.loads(text))
            verdict = 2 if problems is None else 1 if problems else 0
            counts[verdict] += 1
            if problems:
                unexpected += f"{path.name}:{number}" not in known
                print(f"FAILED {path.name}:{number}")
                for p in problems[:8]:
                    print(f"    {p}")
        print(f"{path.name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped (kinds that are not served)")
        total = [a + b for a, b in zip(total, counts)]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if unexpected else 0


sys.exit(main())
