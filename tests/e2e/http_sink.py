#!/usr/bin/env python3
"""A webhook of a test: appends each body that it takes to a file, a line each.

usage: http_sink.py PORT FILE [--fail N]   answers 503 to every Nth request, without taking it
"""
import http.server
import sys

port, path = int(sys.argv[1]), sys.argv[2]
fail = int(sys.argv[4]) if sys.argv[3:4] == ["--fail"] else 0
requests = 0


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global requests
        requests += 1
        body = self.rfile.read(int(self.headers["content-length"]))
        refused = fail and requests % fail == 0
        if not refused:
            with open(path, "ab") as out:
                out.write(body.replace(b"\n", b" ") + b"\n")
        self.send_response(503 if refused else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


http.server.HTTPServer(("127.0.0.1", port), Sink).serve_forever()
