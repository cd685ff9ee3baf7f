#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cluster_history.py run DIR NODES ATTACHMENTS SEED PLUGINS URL [JQ-ish JSON of ipam keys] : attachments come and go on simulated
nodes (directories), calls are killed at random moments; what each call was answered, and when, goes to DIR/history.
cluster_history.py check FILE : is there an order in which each address had one holder at a time (linearizability of
an allocator)? Prints what contradicts, exit status 1.

A line of a history: NODE ID ADDRESS ADD-BEGAN ADD-ENDED DEL-BEGAN DEL-ENDED, microseconds; "-": never. An ADD that was
killed has no line before another ADD of the same id has told what it holds.
"""
import json
import os
import random
import subprocess
import sys
import threading
import time

FOR_EVER = float("inf")


# ---- checking ------------------------------------------------------------------------------------

def read(path):
    def number(word):
        return FOR_EVER if word == "-" else int(word)

    with open(path) as f:
        for line in f:
            node, id, address, *times = line.split()
            yield (address, *map(number, times), f"{node}/{id}")


def check(path):
    """Of each address the holders in the order in which their ADDs had to be done: each as early as it can."""
    wrong, n, holders = 0, 0, {}
    for address, *rest in read(path):
        holders.setdefault(address, []).append(rest)
        n += 1
    for address, list_ in sorted(holders.items()):
        free_at, before = 0, None
        for add0, add1, del0, del1, who in sorted(list_, key=lambda h: h[1]):
            got = max(free_at, add0)
            if got > add1:
                print(f"{address}: given to {who} while {before} had it")
                wrong += 1
            free_at, before = max(got, del0), who
    print(f"{n} holdings of {len(holders)} addresses, {wrong} violations")
    return 1 if wrong else 0


# ---- making --------------------------------------------------------------------------------------

class Node(threading.Thread):
    def __init__(self, run, name):
        super().__init__()
        self.run_, self.name_ = run, name
        self.random = random.Random(f"{run.seed}/{name}")
        self.conf = json.dumps({
            "cniVersion": "1.1.0", "name": "net", "type": "none",
            "ipam": {"type": "cluster", "dataDir": f"{run.dir}/{name}", "etcd": {"endpoints": [run.url]}, **run.ipam},
        }).encode()

    def call(self, verb, id, kill):
        env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": id, "CNI_IFNAME": "eth0", "CNI_PATH": self.run_.plugins,
               "CNI_NETNS": "/run/netns/none"}
        with self.run_.slots:
            began = time.monotonic_ns() // 1000
            p = subprocess.Popen([f"{self.run_.plugins}/cluster"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, env=env)
            timer = threading.Timer(self.random.uniform(0, 0.02), p.kill) if kill else None
            if timer:
                timer.start()
            try:
                out = p.communicate(self.conf)[0]
            except BrokenPipeError:
                out = b""
            if timer:
                timer.cancel()
            return p.returncode, out, began, time.monotonic_ns() // 1000

    def add(self, id):
        """Until it is told; an ADD that was killed may have given the address from when it began."""
        first = None
        for _ in range(50):
            rc, out, began, ended = self.call("ADD", id, self.random.random() < self.run_.kills)
            first = first or began
            if rc == 0:
                return json.loads(out)["ips"][0]["address"], first, ended
            if rc > 0 and json.loads(out)["code"] == 100:
                return None
        raise RuntimeError(f"{self.name_}: {id} gets no address: {out}")

    def delete(self, id):
        first = None
        for _ in range(50):
            rc, out, began, ended = self.call("DEL", id, self.random.random() < self.run_.kills)
            first = first or began
            if rc == 0:
                return first, ended
        raise RuntimeError(f"{self.name_}: {id} is not deleted: {out}")

    def end(self, held):
        id, address, began, ended = held
        self.run_.note(f"{self.name_} {id} {address} {began} {ended} {' '.join(map(str, self.delete(id)))}")

    def run(self):
        try:
            self.come_and_go()
        except Exception as e:
            self.run_.failed.append(str(e))

    def come_and_go(self):
        held, exhausted = [], 0
        for i in range(self.run_.attachments):
            while held and self.random.random() < 0.45:
                self.end(held.pop(self.random.randrange(len(held))))
            got = self.add(f"c{i}")
            if got:
                held.append((f"c{i}", *got))
            else:
                exhausted += 1
                self.delete(f"c{i}")
                if held:
                    self.end(held.pop())
        for id, address, began, ended in held:
            self.run_.note(f"{self.name_} {id} {address} {began} {ended} - -")
        self.run_.exhausted += exhausted


class Run:
    def __init__(self, dir, nodes, attachments, seed, plugins, url, ipam="{}"):
        self.dir, self.seed, self.plugins, self.url = dir, seed, plugins, url
        self.attachments, self.ipam = int(attachments), json.loads(ipam)
        self.kills, self.exhausted, self.failed = 0.05, 0, []
        self.slots, self.lock = threading.Semaphore(2 * os.cpu_count()), threading.Lock()
        os.makedirs(dir, exist_ok=True)
        self.history = open(f"{dir}/history", "w")
        self.nodes = [Node(self, f"n{i}") for i in range(int(nodes))]

    def note(self, line):
        with self.lock:
            self.history.write(line + "\n")

    def go(self):
        for n in self.nodes:
            n.start()
        for n in self.nodes:
            n.join()
        self.history.close()
        print(f"{self.exhausted} times exhausted", *self.failed, sep="\n")
        return 1 if self.failed else 0


if sys.argv[1] == "check":
    sys.exit(check(sys.argv[2]))
sys.exit(Run(*sys.argv[2:]).go())
