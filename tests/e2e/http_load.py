#!/usr/bin/env python3
"""Asks a URL over and over, each time by a new connection, until its standard input ends; prints how many answers came
and how many did not. usage: http_load.py URL [CLIENTS]"""
import sys
import threading
import urllib.request

url, clients = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2
stop = threading.Event()
good, bad, lock = 0, [], threading.Lock()


def ask():
    global good
    while not stop.is_set():
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
            with lock:
                good += 1
        except OSError as error:
            with lock:
                bad.append(str(error))


threads = [threading.Thread(target=ask) for _ in range(clients)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
print(f"{good} answered, {len(bad)} failed {bad[:3] if bad else ''}".rstrip())
