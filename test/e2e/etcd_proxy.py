#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""etcd_proxy.py PORT TARGET PLAN LOG : a proxy in front of etcd that does to each transaction what the plan says.

PLAN is a file with a word for each request in turn (its last word holds for all that follow); it is read anew
with each request, and the requests so far are the lines of LOG. Words:
  pass     as it is           delay    30 ms later
  refuse   not handed on      lose     handed on, no answer
  twice    handed on two times, the second answer is given
  late     no answer, and handed on a second later
  gate     when there is a file PLAN.open
  cut      half of the answer
  again    as it is, and handed on once more whenever somebody GETs anything here
  hold, mute   not handed on, handed on, and no answer; the connection stays
"""
import http.client
import http.server
import os
import sys
import threading
import time
import urllib.parse

port, target, plan, log = int(sys.argv[1]), urllib.parse.urlparse(sys.argv[2]), sys.argv[3], sys.argv[4]
lock = threading.Lock()
count = 0
kept = []


def word():
    global count
    with lock:
        with open(plan) as f:
            words = f.read().split() or ["pass"]
        w = words[min(count, len(words) - 1)]
        count += 1
        with open(log, "a") as f:
            f.write(f"{count} {w}\n")
        return w


def forward(path, body, headers):
    c = http.client.HTTPConnection(target.hostname, target.port, timeout=10)
    c.request("POST", path, body, headers)
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type")}
        w = word()
        if w == "refuse":
            return self.hang_up()
        if w == "hold" or w == "mute":
            if w == "mute":
                forward(self.path, body, headers)
            time.sleep(20)
            return self.hang_up()
        if w == "late":
            threading.Timer(1, forward, (self.path, body, headers)).start()
            return self.hang_up()
        if w == "delay":
            time.sleep(0.03)
        while w == "gate" and not os.path.exists(plan + ".open"):
            time.sleep(0.01)
        if w == "again":
            kept.append((self.path, body, headers))
        if w == "twice":
            forward(self.path, body, headers)
        status, data = forward(self.path, body, headers)
        if w == "lose":
            return self.hang_up()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if w == "cut" else data)
        if w == "cut":
            self.hang_up()

    def do_GET(self):
        for request in kept:
            forward(*request)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


Server(("127.0.0.1", port), Handler).serve_forever()
