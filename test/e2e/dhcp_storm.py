#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
dhcp_storm.py SEED SECONDS CONTAINERS PROBE DAEMON... : asks the daemon of dhcp, which it starts, kills and starts again, many
things at once and at random: ADDs of which a half hang up while they wait, two of one container, DELs, GCs, CHECKs,
half questions, interfaces and namespaces that go and come. Each third container wants IPv4, both, IPv6 alone. Then all is
given back. Says what is wrong, or "well" with a count of what was answered; what the daemon says goes to stderr.

The containers are namespaces s0, s1, ... of its own with eth0, whose other ends p0, p1, ... are ports of br0.
"""
import array
import collections
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time

SOCKET, LEASES = "/run/cni/dhcp.sock", "/var/lib/cni/dhcp"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def make_netns(i):
    ip("netns", "add", "s%d" % i)
    ip("netns", "exec", "s%d" % i, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")


def make_link(i):
    ip("link", "add", "p%d" % i, "master", "br0", "up", "type", "veth", "peer", "name", "eth0", "netns", "s%d" % i)
    ip("-n", "s%d" % i, "link", "set", "eth0", "up")


class Wrong(Exception):
    pass


class Daemon:
    def __init__(self, command):
        self.command = command
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command)
        while True:
            with socket.socket(socket.AF_UNIX) as s:
                if s.connect_ex(SOCKET) == 0:
                    return
            self.is_alive()
            time.sleep(0.01)

    def is_alive(self):
        if self.process.poll() is not None:
            raise Wrong("the daemon has ended with %d" % self.process.returncode)

    def end(self, by):
        self.is_alive()
        self.process.send_signal(by)
        if self.process.wait() != (-by if by == signal.SIGKILL else 0):
            raise Wrong("by %d the daemon has ended with %d" % (by, self.process.returncode))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))


class Storm:
    def __init__(self, containers, probe, command):
        self.containers, self.probe = containers, probe
        for i in range(containers):
            make_netns(i)
            make_link(i)
        self.daemon = Daemon(command)
        self.waiting = {}  # socket: [what, until, what has come, is that too late]
        self.answers = collections.Counter()
        self.actions = [(self.add, 60), (self.delete, 15), (self.gc, 0.5), (self.check, 6), (self.half_question, 4),
                        (self.link, 2), (self.kill, 0.3)]

    def ask(self, what, number=None, patience=None, netns=False, **more):
        s = socket.socket(socket.AF_UNIX)
        question = {"command": what, "network": "storm", **more}
        rights = []
        if number is not None:
            name = "s%d" % number
            question.update(containerID=name, ifname="eth0")
        if netns:
            path = "/run/netns/" + name
            question["netns"] = path
            fd = os.open(path, os.O_RDONLY)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            s.connect(SOCKET)
            s.sendmsg([json.dumps(question).encode() + b"\n"], rights)
            self.waiting[s] = [what, time.time() + (20 if patience is None else patience), b"", patience is None]
        except OSError:
            s.close()
        if netns:
            os.close(fd)

    def any(self):
        return random.randrange(self.containers)

    def add(self, patient=False):
        i = self.any()
        client = b"\0s%d/storm/eth0" % i
        more = {"options": (bytes([61, len(client)]) + client).hex(), "resendTimeout": 2, "resendMax": 1}
        if i % 3 == 2:
            more["noIPv4"] = True
        if i % 3:
            more.update(ipv6=True, request6="0017", rapidCommit=random.random() < 0.5)
        if random.random() < 0.7:
            more["probe"] = self.probe
        patience = random.choice([0, 0.002, 0.02, 0.2, 1]) * random.random()
        patience = None if patient or random.random() < 0.5 else patience
        self.ask("add", i, patience, True, **more)

    def delete(self):
        self.ask("del", self.any())

    def gc(self):
        valid = random.sample(range(self.containers), random.randrange(self.containers))
        self.ask("gc", valid=[{"containerID": "s%d" % i, "ifname": "eth0"} for i in valid])

    def check(self):
        self.ask("check", self.any())

    def half_question(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(SOCKET)
            s.send(b'{"command":"add","netw')

    def link(self):
        i, what = self.any(), random.random()
        if what < 0.5:
            ip("link", "set", "p%d" % i, random.choice(["down", "up"]))
            return
        ip("link", "del", "p%d" % i)
        if what > 0.8:
            ip("netns", "del", "s%d" % i)
            make_netns(i)
        make_link(i)

    def kill(self):
        self.daemon.end(signal.SIGKILL)
        self.daemon.start()

    def close(self, s, kind):
        self.answers["%s %s" % (self.waiting.pop(s)[0], kind)] += 1
        s.close()

    def read(self, s):
        of = self.waiting[s]
        try:
            more = s.recv(65536)
        except ConnectionError:
            more = b""
        of[2] += more
        if not more:
            self.close(s, "unanswered")
        elif of[2].endswith(b"\n"):
            self.close(s, "refused" if "code" in json.loads(of[2]) else "done")

    def turn(self, most):
        for s in select.select(list(self.waiting), [], [], most)[0]:
            self.read(s)
        for s in [s for s, (_, until, _, _) in self.waiting.items() if until <= time.time()]:
            if self.waiting[s][3]:
                raise Wrong("no answer to %s" % self.waiting[s][0])
            self.close(s, "hung up")
        self.daemon.is_alive()

    def settle(self):
        while self.waiting:
            self.turn(0.1)

    def all_go(self):
        for i in range(self.containers):
            self.ask("del", i)
            self.settle()
        if os.listdir(LEASES):
            raise Wrong("no lease left: %s" % os.listdir(LEASES))

    def run(self, seconds):
        self.add(patient=True)
        self.settle()
        self.all_go()
        empty = self.daemon.descriptors()
        end = time.time() + seconds
        while time.time() < end:
            random.choices([a for a, _ in self.actions], [w for _, w in self.actions])[0]()
            self.turn(random.random() * 0.006)
        self.settle()
        self.all_go()
        # who has been answered sees it a little before the daemon has closed its end
        until = time.time() + 5
        while self.daemon.descriptors() > empty and time.time() < until:
            time.sleep(0.05)
        if self.daemon.descriptors() > empty:
            raise Wrong("%d descriptors, not %d" % (self.daemon.descriptors(), empty))
        self.daemon.end(signal.SIGTERM)


def main(seed, seconds, containers, probe, *command):
    random.seed(int(seed))
    storm = Storm(int(containers), int(probe), command)
    try:
        storm.run(float(seconds))
    except Wrong as e:
        print(e, dict(storm.answers))
        sys.exit(1)
    print("well", json.dumps(dict(sorted(storm.answers.items()))))


main(*sys.argv[1:])
