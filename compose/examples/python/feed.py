"""Follows a lane without a gap: hears events, notices what is missing (an event whose previous one
in the lane is not the last one seen, or a head ahead of it), and asks for it."""
import asyncio
import random

import bindings  # noqa: F401
from kubus.wire import Event, Head
from kubus.wire.Verb import Verb
from wire import Failed, nested, operation, token

WAITING_MOST = 1000
ASK_EVERY_S = 30
PRESENT = 2**64 - 1


class Feed:
    """A resource's lane, in one namespace or in all. `on_event(event)` is awaited for each event,
    once, in order. `position`: go on after this revision; None: from now on."""

    def __init__(self, client, group, resource, namespace="", position=None, on_gap=None,
                 on_expired=None):
        self.client = client
        self.lane = {"group": group, "resource": resource, "namespace": namespace}
        self.position = position
        self.on_gap = on_gap or (lambda why, after: None)
        self.on_expired = on_expired or (lambda after: None)
        self.known_head = 0
        self.ask_now = False
        self.live = []
        self.news = asyncio.Event()

    async def follow(self, on_event):
        """Does not return. Subscribes first: what happens after the first answer was read comes
        live."""
        prefix = self.client.prefix
        name = f"{token(self.lane['group'])}.{token(self.lane['resource'])}"
        events, head = f"{prefix}.event.{name}.>", f"{prefix}.head.resource.{name}"
        if self.lane["namespace"]:
            name += "." + token(self.lane["namespace"])
            events, head = f"{prefix}.event.{name}.*", f"{prefix}.head.namespace.{name}"
        connection = self.client.connection
        self.client.on_reconnect.append(self._on_reconnect)
        await connection.subscribe(events, cb=self._on_event)
        await connection.subscribe(head, cb=self._on_head)
        if self.position is None:
            self.position = await self._present()
        while True:
            await self._fill(on_event)
            await self._follow_live(on_event)

    def previous(self, event):
        return event.PreviousNamespace() if self.lane["namespace"] else event.PreviousResource()

    async def _on_event(self, message):
        event = Event.Event.GetRootAs(message.data, 0)
        self.known_head = max(self.known_head, event.Revision())
        if len(self.live) < WAITING_MOST:  # what is dropped here is asked for
            self.live.append(event)
        self.news.set()

    async def _on_head(self, message):
        self.known_head = max(self.known_head, Head.Head.GetRootAs(message.data, 0).Revision())
        self.news.set()

    def _on_reconnect(self):
        self.ask_now = True
        self.news.set()

    async def _deliver(self, event, on_event):
        self.position = event.Revision()
        await on_event(event)

    async def _follow_live(self, on_event):
        """Until something is missing, or it is time to ask."""
        until = asyncio.get_running_loop().time() + ASK_EVERY_S * (1 + random.random())
        while True:
            while self.live:
                event = self.live.pop(0)
                if event.Revision() <= self.position:
                    continue
                if self.previous(event) > self.position:
                    self.on_gap(f"revision {self.previous(event)} did not come", self.position)
                    return
                await self._deliver(event, on_event)
            if self.known_head > self.position:
                self.on_gap("the head is ahead", self.position)
                return
            if self.ask_now:
                return
            self.news.clear()
            left = until - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self.news.wait(), max(left, 0))
            except asyncio.TimeoutError:
                return

    async def _fill(self, on_event):
        """Asks for what came after `position` until nothing is missing."""
        self.ask_now = False
        while True:
            try:
                outcome = await self._ask(self.position)
            except Failed as failed:
                if failed.reason != "Expired":
                    raise
                # A program that keeps a picture of the objects must list them again here.
                self.on_expired(self.position)
                self.position = await self._present()
                return
            for i in range(outcome.EventsLength()):
                page = outcome.Events(i)
                event = Event.Event.GetRootAs(nested(page, 0), 0)
                if event.Revision() > self.position:
                    await self._deliver(event, on_event)
            if outcome.EventsLength() and self.position < outcome.Head():
                continue
            self.position = max(self.position, outcome.Revision())
            return

    async def _present(self):
        outcome = await self._ask(PRESENT)
        return max(outcome.Revision(), outcome.Head())

    async def _ask(self, after):
        lane = self.lane
        return await self.client.ask(
            "events-after", lane["group"], lane["resource"],
            lambda b: operation(b, Verb.EventsAfter, lane["group"], lane["resource"], lane=lane,
                                after=after))
