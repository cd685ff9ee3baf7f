#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
dhcp_server.py DEVICE SCRIPT LOG : a DHCP server that does what it is told. SCRIPT is a JSON object, read anew for each
message: "address", "mask", "router", "server", "lease", "t1", "t2" (seconds; absent: not said), "options" (code:
hexadecimal digits), "silent" and "nak" (lists of messages: DISCOVER, REQUEST, ...), "held" (the same: they are answered, and
all that come behind, when the script says otherwise), "delay" (seconds), "xid" (added to it), "raw" (hexadecimal digits
instead of an answer), "twice" (each answer), "unicast" (what has a ciaddr is answered there alone: RFC 2131, 4.1). LOG gets a
JSON object a line for each message: type, xid, ciaddr, broadcast flag, whether it came to all, options as hexadecimal digits.

With "pool" (how many addresses, from "address" on) it keeps a book instead: each client identifier has the least address
that is free, for one of "leases" (seconds, chosen at random and kept); who asks for another one than it has gets a NAK. LOG gets
{"what": "ACK", "NAK", "RELEASE" or "EXPIRED", "client", "address", "at" and "end" (seconds of the wall's clock)}.
"""
import heapq
import json
import random
import select
import socket
import struct
import sys
import time

TYPES = ["", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"]


def options_of(data):
    found, at = {}, 240
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = found.get(data[at], b"") + data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def answer(message, script, kind):
    out = bytearray(240)
    out[0:4] = bytes([2, 1, 6, 0])
    out[4:8] = struct.pack("!I", (struct.unpack("!I", message[4:8])[0] + script.get("xid", 0)) & 0xffffffff)
    out[10:12] = message[10:12]
    out[28:34] = message[28:34]
    out[236:240] = b"\x63\x82\x53\x63"

    def option(code, value):
        out.extend(bytes([code, len(value)]) + value)

    option(53, bytes([TYPES.index(kind)]))
    if script.get("server", "10.9.0.1"):
        option(54, socket.inet_aton(script.get("server", "10.9.0.1")))
    if kind != "NAK":
        out[16:20] = socket.inet_aton(script["address"])
        for code, key in ((51, "lease"), (58, "t1"), (59, "t2")):
            if key in script:
                option(code, struct.pack("!I", script[key]))
        for code, key, default in ((1, "mask", "255.255.255.0"), (3, "router", "10.9.0.1")):
            if script.get(key, default):
                option(code, socket.inet_aton(script.get(key, default)))
        for code, digits in script.get("options", {}).items():
            option(int(code), bytes.fromhex(digits))
    out.append(255)
    return bytes(out)


class Book:
    """Which client has which address, and until when. A client that is only offered one has it for five seconds."""

    def __init__(self, out):
        self.out, self.free, self.made = out, [], 0
        self.held = {}  # client: [address, end, is it told]
        self.given = {}  # client: seconds

    def say(self, kind, client, address, end=0):
        print(json.dumps({
            "what": kind, "client": client, "address": address, "at": time.time(), "end": end}), file=self.out)

    def drop(self, client, kind):
        address, end, told = self.held.pop(client)
        self.given.pop(client, None)
        heapq.heappush(self.free, struct.unpack("!I", socket.inet_aton(address))[0])
        if told:
            self.say(kind, client, address, end)

    def expire(self):
        for client in [c for c, (_, end, _) in self.held.items() if end <= time.time()]:
            self.drop(client, "EXPIRED")

    def offer(self, client, script):
        if client not in self.held:
            if not self.free:
                if self.made == script["pool"]:
                    return None
                first = struct.unpack("!I", socket.inet_aton(script["address"]))[0]
                heapq.heappush(self.free, first + self.made)
                self.made += 1
            address = socket.inet_ntoa(struct.pack("!I", heapq.heappop(self.free)))
            self.held[client] = [address, time.time() + 5, False]
        return "OFFER"

    def confirm(self, client, wanted, script):
        if client not in self.held or self.held[client][0] != wanted:
            self.say("NAK", client, wanted)
            return "NAK"
        script["lease"] = self.given.setdefault(client, random.choice(script["leases"]))
        self.held[client][1:] = [time.time() + script["lease"], True]
        self.say("ACK", client, wanted, self.held[client][1])
        return "ACK"

    def reply(self, kind, message, options, script):
        """What is answered, its address in the script; None: nothing."""
        client = options[61][1:].decode()
        ciaddr = socket.inet_ntoa(message[12:16])
        reply = None
        self.expire()
        if kind == "RELEASE" and client in self.held and self.held[client][0] == ciaddr:
            self.drop(client, "RELEASE")
        elif kind == "DISCOVER":
            reply = self.offer(client, script)
        elif kind == "REQUEST":
            reply = self.confirm(client, socket.inet_ntoa(options[50]) if 50 in options else ciaddr, script)
        if reply in ("OFFER", "ACK"):
            script["address"] = self.held[client][0]
        return reply


def send(s, message, script, reply):
    data = bytes.fromhex(script["raw"]) if "raw" in script else answer(message, script, reply)
    to = socket.inet_ntoa(message[12:16]) if script.get("unicast") and any(message[12:16]) else "255.255.255.255"
    for _ in range(2 if script.get("twice") else 1):
        s.sendto(data, (to, 68))


def read_script(path):
    with open(path) as f:
        return json.load(f)


def serve(s, path, out):
    book = Book(out)
    while True:
        if not select.select([s], [], [], 0.2)[0]:
            book.expire()
            continue
        message, control, _, _ = s.recvmsg(2000, 100)
        to = socket.inet_ntoa(control[0][2][8:12]) if control else ""
        options = options_of(message)
        kind = TYPES[options[53][0]]
        script = read_script(path)
        if "pool" in script:
            reply = book.reply(kind, message, options, script)
            if reply:
                send(s, message, script, reply)
            continue
        print(json.dumps({
            "type": kind, "xid": message[4:8].hex(), "to": to, "ciaddr": socket.inet_ntoa(message[12:16]),
            "broadcast": bool(message[10] & 0x80), "chaddr": message[28:34].hex(":"),
            "options": {str(code): value.hex() for code, value in options.items()}}), file=out)
        while kind in script.get("held", []):
            time.sleep(0.01)
            script = read_script(path)
        if kind in script.get("silent", []) or kind not in ("DISCOVER", "REQUEST"):
            continue
        time.sleep(script.get("delay", 0))
        send(s, message, script, "NAK" if kind in script.get("nak", []) else "OFFER" if kind == "DISCOVER" else "ACK")


def main(device, path, log):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    s.bind(("0.0.0.0", 67))
    with open(log, "a", buffering=1) as out:
        print(json.dumps({"type": "READY"}), file=out)
        serve(s, path, out)


main(*sys.argv[1:])
