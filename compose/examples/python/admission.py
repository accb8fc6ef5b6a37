"""Asked before Pods are made or changed: images come from one place only, and what passes is labelled.

  python admission.py --credentials FILE --name images --allow kubus.local/

The credentials are of `kubus user create NAME --may admission:images`. It is asked once there is an
AdmissionSubscriber of that subject:

  apiVersion: kubus.io/v1
  kind: AdmissionSubscriber
  metadata: {name: images}
  spec: {rules: [{groups: [""], resources: [pods], operations: [CREATE, UPDATE]}]}

Answer quickly: the writer waits. Answer each question alike if it comes twice: a write whose object
changed meanwhile is asked about again. Keep nothing of what was only asked: a write that passes here
may still be refused by somebody else.
"""
import argparse
import asyncio
import json
import sys

import bindings  # noqa: F401
import flatbuffers
from kubus.core.v1.Pod import Pod
from kubus.wire import AdmissionRequest, AdmissionResponse
from wire import Client, nested, text

OBJECT = 14  # id of a field of AdmissionRequest
LABEL = "example.org/images"


def judge(pod, allowed):
    """(why not, None) or (None, the JSON patch). Pure."""
    spec = pod.Spec()
    containers = [spec.Containers(i) for i in range(spec.ContainersLength())]
    containers += [spec.InitContainers(i) for i in range(spec.InitContainersLength())]
    for container in containers:
        if not text(container.Image()).startswith(allowed):
            return f"container {text(container.Name())}: images come from {allowed} alone", None
    meta = pod.Metadata()
    labels = {text(meta.Labels(i).Key()) for i in range(meta.LabelsLength())}
    if LABEL in labels:
        return None, []
    add = "/metadata/labels/" + LABEL.replace("/", "~1")
    first = [] if labels else [{"op": "add", "path": "/metadata/labels", "value": {}}]
    return None, first + [{"op": "add", "path": add, "value": "checked"}]


def answer(question, denial, patch):
    builder = flatbuffers.Builder(256)
    id_at = builder.CreateString(text(question.Id()))
    message_at = builder.CreateString(denial) if denial else 0
    patch_at = builder.CreateByteVector(json.dumps(patch).encode()) if patch else 0
    AdmissionResponse.AdmissionResponseStart(builder)
    AdmissionResponse.AdmissionResponseAddId(builder, id_at)
    AdmissionResponse.AdmissionResponseAddAllowed(builder, not denial)
    if message_at:
        AdmissionResponse.AdmissionResponseAddMessage(builder, message_at)
    if patch_at:
        AdmissionResponse.AdmissionResponseAddPatch(builder, patch_at)
    builder.Finish(AdmissionResponse.AdmissionResponseEnd(builder))
    return bytes(builder.Output())


async def main():
    parser = argparse.ArgumentParser(description="lets Pods pass whose images may be trusted")
    parser.add_argument("--credentials", required=True)
    parser.add_argument("--name", default="images")
    parser.add_argument("--allow", required=True, help="what the names of images begin with")
    options = parser.parse_args()
    client = await Client.connect(options.credentials, "admission")

    async def on_question(message):
        question = AdmissionRequest.AdmissionRequest.GetRootAs(message.data, 0)
        pod = Pod.GetRootAs(nested(question, OBJECT), 0)
        denial, patch = judge(pod, options.allow)
        await message.respond(answer(question, denial, patch))
        print(f"{text(question.Namespace())}/{text(question.Name())}: {denial or 'passes'}", flush=True)

    # Several of these programs may share the questions: each goes to one of a queue group.
    await client.connection.subscribe(f"{client.prefix}.admission.{options.name}", queue="admission",
                                      cb=on_question)
    print("asked from now on", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
