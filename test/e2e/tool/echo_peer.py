# SPDX-License-Identifier: Apache-2.0
"""Answers with the address it is asked from: TCP ports 80 and 81, UDP ports 53 and 54, of all addresses of a namespace."""
import contextlib
import selectors
import socket

selector = selectors.DefaultSelector()


def say(address):
    return (address[0].removeprefix("::ffff:") + "\n").encode()


def listen(port):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    selector.register(s, selectors.EVENT_READ, accept)


def accept(s):
    connection, address = s.accept()
    with connection, contextlib.suppress(OSError):
        connection.settimeout(30)
        connection.recv(1)
        connection.sendall(say(address))


def serve(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    s.bind(("::", port))
    selector.register(s, selectors.EVENT_READ, answer)


def answer(s):
    """From the address that was asked."""
    _, extra, _, address = s.recvmsg(2048, 256)
    with contextlib.suppress(OSError):
        s.sendmsg([say(address)], extra, 0, address)


for number in (80, 81):
    listen(number)
for number in (53, 54):
    serve(number)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
