"""A connection to the bus as plain text, for tests of what the server lets whom do.

usage: nats.py CREDENTIALS [SUBJECT…]     subscribes, prints "ready", then what comes, a line each:
           "message SUBJECT BYTES", "error TEXT"; ends with "closed" when the server ends the connection
       nats.py CREDENTIALS --publish SUBJECT TEXT   publishes once, then as above, until the server has seen it
"""
import json
import socket
import sys
from urllib.parse import urlparse


def connect(credentials, then):
    """All in one piece: the server answers before the end of it if it lets nobody in."""
    server = urlparse(credentials["servers"][0])
    connection = socket.create_connection((server.hostname, server.port))
    reader = connection.makefile("rb")
    reader.readline()
    options = {"user": credentials["user"], "pass": credentials["password"], "verbose": False}
    connection.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\n" + then + b"PING\r\n")
    return connection, reader


def main():
    once = sys.argv[2:3] == ["--publish"]
    if once:
        body = sys.argv[4].encode()
        then = f"PUB {sys.argv[3]} {len(body)}\r\n".encode() + body + b"\r\n"
    else:
        then = "".join(f"SUB {subject} {number}\r\n" for number, subject in enumerate(sys.argv[2:], 1)).encode()
    connection, reader = connect(json.load(open(sys.argv[1], encoding="utf-8")), then)
    while line := reader.readline():
        word, _, rest = line.decode().strip().partition(" ")
        if word == "PING":
            connection.sendall(b"PONG\r\n")
        elif word == "PONG":
            print("ready", flush=True)
            if once:
                return
        elif word == "MSG":
            parts = rest.split(" ")
            reader.read(int(parts[-1]) + 2)
            print("message", parts[0], parts[-1], flush=True)
        elif word == "-ERR":
            print("error", rest, flush=True)
    print("closed", flush=True)


main()
