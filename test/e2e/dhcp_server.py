#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
dhcp_server.py DEVICE SCRIPT LOG : a DHCP server that does what it is told. SCRIPT is a JSON object, read anew for each
message: "address", "mask", "router", "server", "lease", "t1", "t2" (seconds; absent: not said), "options" (code:
hexadecimal digits), "silent" and "nak" (lists of messages: DISCOVER, REQUEST, ...), "delay" (seconds), "xid" (added to
it), "raw" (hexadecimal digits instead of an answer), "twice" (each answer). LOG gets a JSON object a line for each
message: type, ciaddr, broadcast flag, whether it came to all, options as hexadecimal digits.
"""
import json
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


def main(device, path, log):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    s.bind(("0.0.0.0", 67))
    with open(log, "a", buffering=1) as out:
        print(json.dumps({"type": "READY"}), file=out)
        while True:
            message, control, _, _ = s.recvmsg(2000, 100)
            to = socket.inet_ntoa(control[0][2][8:12]) if control else ""
            options = options_of(message)
            kind = TYPES[options[53][0]]
            print(json.dumps({
                "type": kind, "to": to, "ciaddr": socket.inet_ntoa(message[12:16]),
                "broadcast": bool(message[10] & 0x80), "chaddr": message[28:34].hex(":"),
                "options": {str(code): value.hex() for code, value in options.items()}}), file=out)
            with open(path) as f:
                script = json.load(f)
            if kind in script.get("silent", []) or kind not in ("DISCOVER", "REQUEST"):
                continue
            time.sleep(script.get("delay", 0))
            reply = "NAK" if kind in script.get("nak", []) else "OFFER" if kind == "DISCOVER" else "ACK"
            data = bytes.fromhex(script["raw"]) if "raw" in script else answer(message, script, reply)
            for _ in range(2 if script.get("twice") else 1):
                s.sendto(data, ("255.255.255.255", 68))


main(*sys.argv[1:])
