#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
dhcp6_server.py DEVICE SCRIPT LOG : a DHCPv6 server that does what it is told. SCRIPT is a JSON object, read anew for each
message: "addresses", "preferred", "valid", "t1", "t2" (seconds; absent: 0), "options" (code: hexadecimal digits),
"silent" (list of messages: SOLICIT, ...), "held" (the same: they are answered, and all that come behind, when the script
says otherwise), "status" (message: code), in the IA, "message_status" (the same, of the message), "rapid" (it commits at
once, where it is asked to), "delay" (seconds), "xid" (added to it), "raw" (hexadecimal digits instead of an answer), "duid"
(hexadecimal digits), "each" (the last address is another one for each client, always the same), "instead" (address: the one
that is given instead of it once it was declined). LOG gets a JSON object a line for each message: type, at, from, xid,
addresses of the IA, its identifier, options as hexadecimal digits.
"""
import json
import socket
import struct
import sys
import time
import zlib

TYPES = ["", "SOLICIT", "ADVERTISE", "REQUEST", "CONFIRM", "RENEW", "REBIND", "REPLY", "RELEASE", "DECLINE"]
CLIENT_ID, SERVER_ID, IA_NA, ADDRESS, STATUS, RAPID = 1, 2, 3, 5, 13, 14


def options_of(data):
    found, at = [], 0
    while at < len(data):
        code, length = struct.unpack("!HH", data[at:at + 4])
        found.append((code, data[at + 4:at + 4 + length]))
        at += 4 + length
    return found


def option(code, value):
    return struct.pack("!HH", code, len(value)) + value


def status_of(script, key, kind):
    code = script.get(key, {}).get(kind)
    return b"" if code is None else option(STATUS, struct.pack("!H", code))


def addresses_of(script, client, declined):
    instead = {ip: other for ip, other in script.get("instead", {}).items() if ip in declined}
    *first, last = [socket.inet_pton(socket.AF_INET6, instead.get(ip, ip)) for ip in script["addresses"]]
    return first + [last[:12] + struct.pack("!I", zlib.crc32(client)) if script.get("each") else last]


def answer(message, options, script, kind, declined):
    rapid = kind == "SOLICIT" and RAPID in options and script.get("rapid")
    reply = TYPES.index("ADVERTISE" if kind == "SOLICIT" and not rapid else "REPLY")
    xid = (struct.unpack("!I", b"\0" + message[1:4])[0] + script.get("xid", 0)) & 0xffffff
    out = struct.pack("!I", reply << 24 | xid)
    out += option(CLIENT_ID, options[CLIENT_ID])
    out += option(SERVER_ID, bytes.fromhex(script.get("duid", "00030001020000000901")))
    out += status_of(script, "message_status", kind)
    if rapid:
        out += option(RAPID, b"")
    if kind in ("SOLICIT", "REQUEST", "RENEW", "REBIND") and IA_NA in options:
        ia = options[IA_NA][:4] + struct.pack("!II", script.get("t1", 0), script.get("t2", 0))
        status = status_of(script, "status", kind)
        for ip in [] if status else addresses_of(script, options[CLIENT_ID], declined):
            ia += option(ADDRESS, ip + struct.pack("!II", script["preferred"], script["valid"]))
        out += option(IA_NA, ia + status)
    for code, digits in script.get("options", {}).items():
        out += option(int(code), bytes.fromhex(digits))
    return out


def send(s, data, to):
    """The interface's own address may come a moment later than its carrier, and the first message."""
    end = time.monotonic() + 2
    while True:
        try:
            s.sendto(data, to)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def read_script(path):
    with open(path) as f:
        return json.load(f)


def main(device, path, log):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    s.bind(("::", 547))
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:2") + struct.pack("@I", socket.if_nametoindex(device))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    declined = set()
    with open(log, "a", buffering=1) as out:
        print(json.dumps({"type": "READY"}), file=out)
        while True:
            message, sender = s.recvfrom(2000)
            options = dict(options_of(message[4:]))
            kind = TYPES[message[0]]
            inside = options_of(options.get(IA_NA, b"")[12:])
            addresses = [socket.inet_ntop(socket.AF_INET6, v[:16]) for code, v in inside if code == ADDRESS]
            if kind == "DECLINE":
                declined.update(addresses)
            print(json.dumps({
                "type": kind, "at": time.time(), "from": sender[0], "xid": message[1:4].hex(),
                "iaid": options.get(IA_NA, b"")[:4].hex(),
                "addresses": addresses, "options": {str(code): value.hex() for code, value in options.items()}}), file=out)
            script = read_script(path)
            while kind in script.get("held", []):
                time.sleep(0.01)
                script = read_script(path)
            if kind in script.get("silent", []):
                continue
            time.sleep(script.get("delay", 0))
            raw = script.get("raw")
            data = answer(message, options, script, kind, declined) if raw is None else bytes.fromhex(raw)
            send(s, data, sender)


main(*sys.argv[1:])
