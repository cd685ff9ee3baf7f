# SPDX-License-Identifier: Apache-2.0
"""ask.py [tcp|udp|icmp ADDRESS PORT]...: prints a line for each: what it is answered, or the name of the errno,
or "nothing" after $ASK_TIMEOUT seconds (10)."""
import errno
import os
import socket
import sys


def make_socket(kind, family):
    if kind == "tcp":
        return socket.socket(family, socket.SOCK_STREAM)
    if kind == "udp":
        return socket.socket(family, socket.SOCK_DGRAM)
    v6 = family == socket.AF_INET6
    return socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)


def ask(kind, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with make_socket(kind, family) as s:
        s.settimeout(float(os.environ.get("ASK_TIMEOUT", "10")))
        s.connect((address, int(port)))
        if kind != "icmp":
            s.send(b"?")
        else:
            s.send(bytes([128 if ":" in address else 8, 0, 0, 0, 0, 0, 0, 0]))
        answer = s.recv(100)
        return "echo" if kind == "icmp" else answer.decode().strip()


def told(*args):
    try:
        return ask(*args)
    except TimeoutError:
        return "nothing"
    except OSError as e:
        return errno.errorcode[e.errno]


for i in range(1, len(sys.argv), 3):
    print(told(*sys.argv[i : i + 3]))
