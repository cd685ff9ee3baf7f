#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
manager.py SOCKET LOG COMMAND... : a service manager, as far as a daemon can tell: listens at SOCKET and passes that, keeps what
it is given (FDSTORE), without FDPOLL=0 until that has an error, and starts the command again, with all of it, when it has
been killed. Ends, and the command too, by SIGTERM. LOG gets a line for each thing it is told, and "PID n" for each start.
"""
import array
import os
import select
import signal
import socket
import sys

path, log, command = sys.argv[1], open(sys.argv[2], "a", buffering=1), sys.argv[3:]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
os.makedirs(os.path.dirname(path), exist_ok=True)
listener.bind(path)
listener.listen(100)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind("\0cnic-manager-%d" % os.getpid())
kept = {}
child = 0
poller = select.poll()
poller.register(notify, select.POLLIN)


def start():
    global child
    passed = [("socket", listener.fileno())] + list(kept.items())
    child = os.fork()
    if child:
        print("PID %d" % child, file=log)
        return
    high = [os.dup2(fd, 200 + i, inheritable=True) for i, (_, fd) in enumerate(passed)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i, inheritable=True)
        os.close(fd)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(passed)), LISTEN_FDNAMES=":".join(n for n, _ in passed),
                      NOTIFY_SOCKET="@cnic-manager-%d" % os.getppid())
    os.execv(command[0], command)


def end(*_):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    sys.exit(0)


def restart(*_):
    if os.waitpid(child, os.WNOHANG)[0]:
        start()


def throw_away(name):
    fd = kept.pop(name)
    if fd in polled:
        polled.remove(fd)
        poller.unregister(fd)
    os.close(fd)


def listen():
    text, control, _, _ = notify.recvmsg(4096, socket.CMSG_LEN(4))
    words = dict(line.split("=", 1) for line in text.decode().split("\n"))
    name = words.get("FDNAME")
    if ("FDSTORE" in words and control or "FDSTOREREMOVE" in words) and name in kept:
        throw_away(name)
    if "FDSTORE" in words and control:
        kept[name] = array.array("i", control[0][2])[0]
        if words.get("FDPOLL") != "0":
            polled.add(kept[name])
            poller.register(kept[name], 0)
    print(" ".join("%s=%s" % word for word in words.items()), file=log)


polled = set()
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGCHLD, restart)
start()
while True:
    for ready, _ in poller.poll():
        if ready == notify.fileno():
            listen()
        else:
            throw_away(next(name for name, fd in kept.items() if fd == ready))
