#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
socket_unit.py SOCKET PIDFILE SECONDS COMMAND... : listens at SOCKET and starts COMMAND when somebody connects, or at the
latest SECONDS after the last one has ended, as a socket and a service unit of systemd do: the socket is descriptor 3,
LISTEN_FDS and LISTEN_PID say so, a backlog waits while no COMMAND runs. Its process id is in PIDFILE.
"""
import os
import select
import socket
import sys


def start(listener, command):
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execv(command[0], command)
    return pid


def main(path, pidfile, seconds, *command):
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    while True:
        select.select([listener], [], [], float(seconds))
        pid = start(listener, command)
        with open(pidfile + ".new", "w") as f:
            f.write(str(pid))
        os.rename(pidfile + ".new", pidfile)
        os.waitpid(pid, 0)
        os.unlink(pidfile)


main(*sys.argv[1:])
