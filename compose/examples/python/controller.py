"""A controller of one's own: every ConfigMap labelled example.org/checksum=wanted carries the
SHA-256 of its data in the annotation example.org/checksum, so that a Pod's template may name it.

  python controller.py --credentials FILE

What makes it a controller and not a script:
  - an event only marks a key dirty; reconciling reads the object as it is now, so that nothing
    depends on having seen each change, and a restart needs no memory: it begins with a list;
  - a key is not looked at again before its own last write came back, so that it never acts on a
    stale view;
  - each write says which revisions caused it: `kubus history` and `kubus why` show them;
  - what fails is tried again, later and later; a write that finds another object there (by uid) is
    dropped.
"""
import argparse
import asyncio
import hashlib
import json
import sys

import bindings  # noqa: F401
from feed import PRESENT, Feed
from kubus.core.v1.ConfigMap import ConfigMap
from kubus.wire.PatchType import PatchType
from kubus.wire.Trigger import Trigger
from kubus.wire.Verb import Verb
from wire import Client, Failed, nested, operation, text

LABEL, WANTED = "example.org/checksum", "wanted"
ANNOTATION = "example.org/checksum"
OBJECT, ITEMS = 2, 3  # ids of fields of Outcome
CAUSES_MOST = 4


def entries(length, at):
    return {text(at(i).Key()): text(at(i).Value()) for i in range(length)}


def plan(config_map):
    """The merge patch that makes it as it should be; None: it is. Pure."""
    meta = config_map.Metadata()
    labels = entries(meta.LabelsLength(), meta.Labels)
    annotations = entries(meta.AnnotationsLength(), meta.Annotations)
    wanted = None
    if labels.get(LABEL) == WANTED:
        data = entries(config_map.DataLength(), config_map.Data)
        wanted = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    if annotations.get(ANNOTATION) == wanted:
        return None
    return {"metadata": {"annotations": {ANNOTATION: wanted}}}


class Controller:
    def __init__(self, client):
        self.client = client
        self.feed = None
        self.dirty = {}  # (namespace, name) → revisions that made it so
        self.written = {}  # key → revision of the own last write, until it came back
        self.delays = {}  # key → seconds until the next try
        self.wake = asyncio.Event()

    def mark(self, key, revisions):
        self.dirty[key] = (self.dirty.get(key, []) + revisions)[-CAUSES_MOST:]
        self.wake.set()

    async def run(self):
        revision = await self.list_all()
        self.feed = Feed(self.client, "", "configmaps", position=revision,
                         on_expired=lambda after: asyncio.ensure_future(self.list_all()))
        await asyncio.gather(self.feed.follow(self.on_event), self.work())

    async def list_all(self):
        """Everything that carries the label, page by page, at one revision."""
        continued = ""
        while True:
            outcome = await self.client.ask(
                "list", "", "configmaps",
                lambda b: operation(b, Verb.List, "", "configmaps", token_=continued,
                                    label_selector=f"{LABEL}={WANTED}"))
            for i in range(outcome.ItemsLength()):
                meta = ConfigMap.GetRootAs(nested(outcome.Items(i), 0), 0).Metadata()
                self.mark((text(meta.Namespace()), text(meta.Name())), [])
            continued = text(outcome.ContinueToken())
            if not continued:
                return outcome.Revision()

    async def on_event(self, event):
        key = (text(event.Namespace()), text(event.Name()))
        if self.written.get(key, PRESENT) <= event.Revision():
            del self.written[key]
        self.mark(key, [event.Revision()])

    async def work(self):
        while True:
            await self.wake.wait()
            self.wake.clear()
            for key in [k for k in self.dirty if k not in self.written]:
                revisions = self.dirty.pop(key)
                try:
                    await self.reconcile(key, revisions)
                    self.delays.pop(key, None)
                except Failed as failed:
                    if failed.reason in ("NotFound", "Conflict"):
                        continue  # it is gone, or another is there: an event of that comes or came
                    delay = self.delays[key] = min(2 * self.delays.get(key, 0.1), 30)
                    print(f"{'/'.join(key)}: {failed}; again in {delay} s", file=sys.stderr)
                    asyncio.get_running_loop().call_later(delay, self.mark, key, revisions)

    async def reconcile(self, key, revisions):
        namespace, name = key
        outcome = await self.client.ask(
            "get", "", "configmaps",
            lambda b: operation(b, Verb.Get, "", "configmaps", namespace=namespace, name=name))
        config_map = ConfigMap.GetRootAs(nested(outcome, OBJECT), 0)
        patch = plan(config_map)
        if patch is None:
            return
        before = config_map.Metadata().ResourceVersion()
        uid = text(config_map.Metadata().Uid())
        trigger = Trigger.Event if revisions else Trigger.Start
        outcome = await self.client.ask(
            "patch", "", "configmaps",
            lambda b: operation(b, Verb.Patch, "", "configmaps", namespace=namespace, name=name,
                                patch=json.dumps(patch).encode(), patch_type=PatchType.Merge,
                                manager="checksum", uid=uid),
            cause=(trigger, revisions or [before]))
        if outcome.Revision() > self.feed.position:
            self.written[key] = outcome.Revision()
        print(f"{namespace}/{name} at revision {outcome.Revision()}", flush=True)


async def main():
    parser = argparse.ArgumentParser(description="keeps checksums of ConfigMaps")
    parser.add_argument("--credentials", required=True)
    client = await Client.connect(parser.parse_args().credentials, "checksum")
    await Controller(client).run()


if __name__ == "__main__":
    asyncio.run(main())
