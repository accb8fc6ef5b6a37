"""A durable consumer of the stream of events, over the bus's plain protocol: pulls, acknowledges, and goes on after anything.

usage: consumer.py CREDENTIALS STOP    prints "SEQUENCE REVISION" for each message that it has not seen yet, until the file
                                       STOP names a sequence that it has reached; last line: "repeats N"
"""
import json
import os
import socket
import struct
import sys
import time
from urllib.parse import urlparse


def revision_of(event):
    """The event's field `revision`, read as FlatBuffers lay it out."""
    (root,) = struct.unpack_from("<I", event, 0)
    (back,) = struct.unpack_from("<i", event, root)
    (at,) = struct.unpack_from("<H", event, root - back + 4 + 2 * 2)
    return struct.unpack_from("<Q", event, root + at)[0]


class Consumer:
    def __init__(self, credentials, stop):
        self.credentials, self.stop = credentials, stop
        self.stream = credentials["stream"]
        self.mine = self.stream["consumers"][0]
        self.inbox = self.stream["inboxPrefix"]
        self.last, self.repeats = 0, 0

    def connect(self):
        server = urlparse(self.credentials["servers"][0])
        self.connection = socket.create_connection((server.hostname, server.port), timeout=5)
        self.reader = self.connection.makefile("rb")
        self.reader.readline()
        options = {"user": self.stream["user"], "pass": self.credentials["password"], "verbose": False}
        self.send(b"CONNECT " + json.dumps(options).encode() + f"\r\nSUB {self.inbox}.> 1\r\n".encode())

    def send(self, data):
        self.connection.sendall(data)

    def publish(self, subject, body, reply=""):
        self.send(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")

    def message(self):
        """The next one: subject, reply, body."""
        while True:
            line = self.reader.readline().decode()
            if not line.endswith("\n"):
                raise OSError("the connection ended")
            word, _, rest = line.strip().partition(" ")
            if word == "PING":
                self.send(b"PONG\r\n")
            elif word == "-ERR":
                raise OSError(rest)
            elif word == "MSG":
                parts = rest.split(" ")
                body = self.reader.read(int(parts[-1]) + 2)[:-2]
                return parts[0], parts[2] if len(parts) == 4 else "", body

    def ask(self, operation, body):
        self.publish(f"$JS.API.{operation}", json.dumps(body).encode(), f"{self.inbox}.api")
        while True:
            subject, _, answer = self.message()
            if subject.endswith(".api"):
                return json.loads(answer) if answer else {"error": {"code": 503}}

    def ensure(self):
        """The durable consumer; one that is gone, with its stream, begins anew behind what was seen."""
        name = f"{self.stream['stream']}.{self.mine['name']}"
        info = self.ask(f"CONSUMER.INFO.{name}", {})
        if "error" not in info:
            return
        config = {"durable_name": self.mine["name"], "name": self.mine["name"], "ack_policy": "explicit",
                  "filter_subject": self.mine["filter"], "deliver_policy": "by_start_sequence",
                  "opt_start_seq": self.last + 1, "ack_wait": 2_000_000_000, "max_ack_pending": 1000}
        made = self.ask(f"CONSUMER.CREATE.{name}.{self.mine['filter']}",
                        {"stream_name": self.stream["stream"], "config": config})
        if "error" in made:
            raise OSError(made["error"])

    def pull(self):
        next_of = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream['stream']}.{self.mine['name']}"
        self.publish(next_of, b'{"batch":100,"expires":300000000}', f"{self.inbox}.pull")
        while True:
            _, reply, body = self.message()
            if not reply:
                return  # nothing more for now
            sequence = int(reply.split(".")[-4])
            if sequence <= self.last:
                self.repeats += 1
            else:
                self.last = sequence
                print(sequence, revision_of(body), flush=True)
            self.publish(reply, b"+ACK")

    def done(self):
        return os.path.exists(self.stop) and self.last >= int(open(self.stop, encoding="utf-8").read() or 1 << 60)

    def run(self):
        while not self.done():
            try:
                self.connect()
                while not self.done():
                    self.ensure()
                    self.pull()
            except OSError as error:
                print(error, file=sys.stderr)
                time.sleep(0.1)
        print("repeats", self.repeats)


Consumer(json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]).run()
