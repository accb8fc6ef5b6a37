"""Follows a lane of a Kubus cluster from outside and prints each transition, once, in order. Where
it stopped stands in a state file: started again, it goes on there.

  python subscribe.py --credentials FILE --lane pods [--once N] [--state FILE] [--after REVISION]
"""
import argparse
import asyncio
import json
import os
import pathlib
import sys

import bindings  # noqa: F401
from feed import Feed
from kubus.wire.EventType import EventType
from wire import Client, text

TYPES = {value: name for name, value in vars(EventType).items() if not name.startswith("_")}


def options():
    parser = argparse.ArgumentParser(description="follows a lane of a Kubus cluster")
    parser.add_argument("--credentials", required=True)
    parser.add_argument("--lane", default="pods", help="RESOURCE[.GROUP]")
    parser.add_argument("--namespace", default="", help="only this one")
    parser.add_argument("--once", type=int, help="stop after so many transitions")
    parser.add_argument("--state", type=pathlib.Path, help="where to keep the last revision")
    parser.add_argument("--after", type=int, help="begin after this revision, if there is no state")
    given = parser.parse_args()
    given.state = given.state or pathlib.Path(f"subscribe-{given.lane}.json")
    return given


def read_state(path):
    return json.loads(path.read_text())["revision"] if path.exists() else None


def write_state(path, revision):
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps({"revision": revision}) + "\n")
    os.replace(fresh, path)


def line(event):
    name = "/".join(filter(None, [text(event.Namespace()), text(event.Name())]))
    return f"{event.Revision()}  {TYPES[event.Type()]}  {name}  by {text(event.Actor())}"


async def main():
    o = options()
    client = await Client.connect(o.credentials, "subscribe")
    resource, _, group = o.lane.partition(".")
    begin = read_state(o.state)
    feed = Feed(
        client, group, resource, o.namespace,
        position=o.after if begin is None else begin,
        on_gap=lambda why, after: print(f"gap after revision {after}: {why}", file=sys.stderr),
        on_expired=lambda after: print(
            f"what came after revision {after} is compacted away; going on at the present",
            file=sys.stderr))
    left = o.once

    async def on_event(event):
        nonlocal left
        print(line(event), flush=True)
        write_state(o.state, event.Revision())
        if left is not None:
            left -= 1
            if left == 0:
                raise asyncio.CancelledError

    try:
        await feed.follow(on_event)
    except asyncio.CancelledError:
        await client.connection.close()


if __name__ == "__main__":
    asyncio.run(main())
