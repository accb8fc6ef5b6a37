"""Subjects, requests and answers as they look on the bus."""
import asyncio
import json
import random
import re
import ssl
import sys
import time
import uuid

import bindings  # noqa: F401  (makes the modules below importable)
import flatbuffers
import nats
from kubus.wire import Cause, Lane, Operation, Replies, Request

ANSWER_WITHIN_S = 5


def token(text):
    """"" is `_`; `.` is written `/`; what NATS forbids in a token is %XX."""
    if text == "":
        return "_"
    if text == "_":
        return "%5F"
    out = ""
    for byte in text.encode():
        char = chr(byte)
        if char == ".":
            out += "/"
        elif byte <= 0x20 or byte >= 0x7F or char in "*>%/":
            out += f"%{byte:02X}"
        else:
            out += char
    return out


def actor_token(text):
    plain = re.compile(r"[A-Za-z0-9:@-]")
    return "".join(chr(b) if plain.match(chr(b)) else f"%{b:02X}" for b in text.encode())


class Failed(Exception):
    """The store's word: reason as in a Kubernetes Status ("NotFound", "Expired", "Conflict", …)."""

    def __init__(self, failure):
        self.reason = (failure.Reason() or b"").decode()
        super().__init__((failure.Message() or b"").decode() or self.reason)


def _text(builder, text):
    return builder.CreateString(text) if text else 0


def _add(builder, add, offset):
    if offset:
        add(builder, offset)


def operation(builder, verb, group, resource, *, namespace="", name="", lane=None, after=0,
              patch=b"", patch_type=0, manager="", label_selector="", token_="", uid=""):
    """One operation; `lane` is a dict of group, resource, namespace, name."""
    texts = {
        "Group": _text(builder, group),
        "Resource": _text(builder, resource),
        "Namespace": _text(builder, namespace),
        "Name": _text(builder, name),
        "FieldManager": _text(builder, manager),
        "LabelSelector": _text(builder, label_selector),
        "ContinueToken": _text(builder, token_),
        "PreconditionUid": _text(builder, uid),
        "Patch": builder.CreateByteVector(patch) if patch else 0,
    }
    lane_at = 0
    if lane is not None:
        fields = {key.capitalize(): _text(builder, value) for key, value in lane.items()}
        Lane.LaneStart(builder)
        for field, offset in fields.items():
            _add(builder, getattr(Lane, "LaneAdd" + field), offset)
        lane_at = Lane.LaneEnd(builder)
    Operation.OperationStart(builder)
    Operation.OperationAddVerb(builder, verb)
    for field, offset in texts.items():
        _add(builder, getattr(Operation, "OperationAdd" + field), offset)
    _add(builder, Operation.OperationAddLane, lane_at)
    Operation.OperationAddAfter(builder, after)
    Operation.OperationAddPatchType(builder, patch_type)
    return Operation.OperationEnd(builder)


def request(id_, make_operation, cause=None):
    """`cause`: (trigger, revisions): what woke the work that this belongs to."""
    builder = flatbuffers.Builder(512)
    operation_at = make_operation(builder)
    Request.RequestStartOperationsVector(builder, 1)
    builder.PrependUOffsetTRelative(operation_at)
    operations = builder.EndVector()
    id_at = builder.CreateString(id_)
    cause_at = 0
    if cause:
        trigger, revisions = cause
        Cause.CauseStartRevisionsVector(builder, len(revisions))
        for revision in reversed(revisions):
            builder.PrependUint64(revision)
        revisions_at = builder.EndVector()
        Cause.CauseStart(builder)
        Cause.CauseAddTrigger(builder, trigger)
        Cause.CauseAddRevisions(builder, revisions_at)
        cause_at = Cause.CauseEnd(builder)
    Request.RequestStart(builder)
    Request.RequestAddId(builder, id_at)
    Request.RequestAddDeadlineMs(builder, int((time.time() + ANSWER_WITHIN_S) * 1000))
    _add(builder, Request.RequestAddCause, cause_at)
    Request.RequestAddOperations(builder, operations)
    builder.Finish(Request.RequestEnd(builder))
    return bytes(builder.Output())


def nested(table, field):
    """The bytes of the [ubyte] field with that id, as they lie."""
    at = table._tab.Offset(4 + 2 * field)
    if at == 0:
        return b""
    start = table._tab.Vector(at)
    return bytes(table._tab.Bytes[start:start + table._tab.VectorLen(at)])


def text(value):
    return (value or b"").decode()


async def _report(error):
    print(f"bus: {error!r}", file=sys.stderr)


class Client:
    """Asks the store. Answers come under the own actor's reply subject, told apart by request id."""

    @classmethod
    async def connect(cls, credentials_file, name):
        with open(credentials_file) as f:
            credentials = json.load(f)
        tls = None
        if credentials.get("ca"):
            tls = ssl.create_default_context(cafile=credentials["ca"])
            if credentials.get("cert"):
                tls.load_cert_chain(credentials["cert"], credentials["key"])
        self = cls(credentials)
        self.connection = await nats.connect(
            servers=credentials["servers"],
            user=credentials.get("user"),
            password=credentials.get("password"),
            tls=tls,
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            error_cb=_report,
            reconnected_cb=self._on_reconnect,
        )
        await self.connection.subscribe(self.reply, cb=self._on_replies)
        return self

    def __init__(self, credentials):
        self.connection = None
        self.on_reconnect = []  # called when messages may have been missed
        self.prefix = f"kubus.{token(credentials['cluster'])}"
        self.actor = actor_token(credentials["actor"])
        self.reply = f"{self.prefix}.reply.{self.actor}.{uuid.uuid4()}"
        self.waiting = {}

    async def _on_reconnect(self):
        for called in self.on_reconnect:
            called()

    async def _on_replies(self, message):
        replies = Replies.Replies.GetRootAs(message.data, 0)
        for i in range(replies.RepliesLength()):
            reply = replies.Replies(i)
            future = self.waiting.pop(reply.Id().decode(), None)
            if future is None or future.done():
                continue  # late, or not ours
            outcome = reply.Outcomes(0) if reply.OutcomesLength() else None
            failure = reply.Failure() or (outcome and outcome.Failure())
            if failure:
                future.set_exception(Failed(failure))
            else:
                future.set_result(outcome)

    async def ask(self, verb_word, group, resource, make_operation, cause=None):
        """The outcome, or Failed. Repeated under the same id until there is an answer: a write
        happens once."""
        id_ = str(uuid.uuid4())
        subject = f"{self.prefix}.api.{self.actor}.{verb_word}.{token(group)}.{token(resource)}"
        wait = 0.2
        while True:
            future = asyncio.get_running_loop().create_future()
            self.waiting[id_] = future
            try:
                data = request(id_, make_operation, cause)
                await self.connection.publish(subject, data, reply=self.reply)
                return await asyncio.wait_for(future, ANSWER_WITHIN_S)
            except Failed as failed:
                if failed.reason not in ("ServiceUnavailable", "TooManyRequests", "Timeout"):
                    raise
            except (asyncio.TimeoutError, nats.errors.Error):
                pass
            finally:
                self.waiting.pop(id_, None)
            await asyncio.sleep(wait * (0.75 + random.random() / 2))
            wait = min(2 * wait, 5)
