#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
dhcp_frames.py DEVICE KIND : answers each DISCOVER and REQUEST that comes to the device by a frame that is, by its KIND,
  whole     as a server's should be
  unsummed  without a checksum of UDP
  partial   with one that is left to the device, as veths hand it on
  priority  tagged with VLAN 0
  broken    with a wrong checksum of UDP
  vlan      tagged with VLAN 5
  foreign   for the hardware address of another host
  arp       whole, and with an ACK come ARP's: by VLAN 5 another host has the address
The address is 10.9.0.66. Prints a line when it listens.
"""
import socket
import struct
import sys

PACKET_VNET_HDR, SOL_PACKET = 15, 263
NEEDS_CSUM, UDP_AT, CHECK_AT = 1, 34, 6
SERVER, ADDRESS = socket.inet_aton("10.9.0.1"), socket.inet_aton("10.9.0.66")
OWN = bytes.fromhex("020000000901")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def answer(message, kind):
    out = bytearray(240)
    out[0:4] = bytes([2, 1, 6, 0])
    out[4:8] = message[4:8]
    out[16:20] = ADDRESS
    out[28:34] = message[28:34]
    out[236:240] = b"\x63\x82\x53\x63"
    for code, value in ((53, bytes([kind])), (54, SERVER), (51, struct.pack("!I", 3600)), (1, b"\xff\xff\xff\0")):
        out += bytes([code, len(value)]) + value
    return bytes(out) + b"\xff"


def udp(payload, kind, to):
    pseudo = SERVER + to + struct.pack("!HH", 17, 8 + len(payload))
    header = struct.pack("!HHHH", 67, 68, 8 + len(payload), 0)
    check = 0xffff - checksum(pseudo + header + payload) or 0xffff
    check = {"unsummed": 0, "broken": check ^ 0x1111, "partial": checksum(pseudo)}.get(kind, check)
    return header[:6] + struct.pack("!H", check) + payload


def ip(payload, to):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, 17, 0) + SERVER + to
    return header[:10] + struct.pack("!H", 0xffff - checksum(header)) + header[12:] + payload


def frame(protocol, payload, kind, to):
    tag = {"priority": b"\x81\0\0\0", "vlan": b"\x81\0\0\x05"}.get(kind, b"")
    return to + OWN + tag + struct.pack("!H", protocol) + payload


def send(s, data, kind):
    flags = NEEDS_CSUM if kind == "partial" else 0
    s.send(struct.pack("=BBHHHH", flags, 0, 0, 0, UDP_AT, CHECK_AT) + data)


def reply(s, message, kind):
    broadcast = socket.inet_aton("255.255.255.255")
    asked = message[message.index(b"\x35\x01", 240) + 2]
    if asked not in (1, 3):
        return
    payload = udp(answer(message, 2 if asked == 1 else 5), kind, broadcast)
    to = bytes.fromhex("02000000eeee") if kind == "foreign" else message[28:34]
    send(s, frame(0x0800, ip(payload, broadcast), kind, to), kind)
    if kind == "arp" and asked == 3:
        claim = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + bytes.fromhex("02000000dddd") + ADDRESS + b"\xff" * 6 + ADDRESS
        send(s, frame(0x0806, claim, "vlan", b"\xff" * 6), "whole")


def main(device, kind):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.bind((device, 0x0800))
    print("listens", flush=True)
    while True:
        data = s.recv(2000)[10:]
        if data[23] == 17 and data[36:38] == b"\0\x43":
            reply(s, data[42:], kind)


main(*sys.argv[1:])
