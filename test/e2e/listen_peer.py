# SPDX-License-Identifier: Apache-2.0
"""
listen_peer.py MODE ARGUMENT... : who talks through `cnic listen`, on both sides.

    serve AT KIND LOG     a server at HOST:PORT or unix:PATH; each connection is a line of JSON in LOG when it has ended
        echo              what comes goes back; the end, too
        sum               "BYTES SHA256" of all when it has ended
        push:N            N bytes unasked, then the end, though nothing has come; then reads to the end
        deaf:FILE         reads nothing before there is FILE, then as sum
        reset             resets at the first byte
        replies:FILE:N    reads little, answers a byte, and N more and a reset when there is FILE
        early:HOW:FILE:N  reads little, makes FILE.asked; answers N bytes when there is FILE, and is gone when the kernel has
                          passed them on (HOW close; end: ends before)
        banner:N          N bytes unasked, then resets
        proxy             a PROXY header (version 2) in front of an echo; LOG has its parts
    activated             says of each socket of LISTEN_FDS to whom it belongs: "NAME PROTOCOL", to whom connects or asks
    ask AT N...           sends N bytes at random, ends, and wants them back
    sum AT N              the same, and wants their sum
    half AT N             ends at once, reads N bytes, tells "half"
    hold AT N [FD]        N connections, a byte through each; "held" when all are there, then waits for the end of stdin
                          and wants another byte through each
    queue AT N            N connections; "queued" when the kernel has answered all, then waits for the end of stdin and
                          tells of how many a byte came back
    reset AT              a byte through, then resets
    stuff AT N            N connections, each full as far as it takes bytes; "full", and at the end of stdin all are reset
    full AT               sends until no more is taken, tells "full", and of the answer "BYTES end" or "BYTES reset"
    late AT FILE          the same, with a small window, and reads nothing before there is FILE
    more AT FILE1 FILE2   reads the answer to a question, with a small window; asks once more when there is FILE1, tells
                          "sent", and as full when there is FILE2
    drop AT FILE N HOW PID  sends N bytes, or until no more is taken (HOW end: ends, rest: and resets 2 s before FILE is
                          made); when the kernel has passed on what it can, makes FILE, resets, tells how many bytes that were:
                          the forwarder, PID, which would take more meanwhile, is stopped
    take AT FILE          a server of one connection, with a small window, that reads nothing before there is FILE; tells as full
    wait AT               a byte through, then waits for the end: prints "end" or "reset"
    storm AT SECONDS SEED connects, ends and resets at random; prints how many were whole, and fails if any was not
"""
import asyncio
import fcntl
import hashlib
import json
import os
import random
import signal
import socket
import struct
import sys
import termios
import time

RESET = struct.pack("ii", 1, 0)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def address(text):
    if text.startswith("unix:"):
        name = text[5:]
        return socket.AF_UNIX, "\0" + name[1:] if name.startswith("@") else name
    host, port = text.rsplit(":", 1)
    host = host.strip("[]")
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))


def connect(text, timeout=20, window=None):
    family, at = address(text)
    s = socket.socket(family)
    s.settimeout(timeout)
    if window:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    s.connect(at)
    return s


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def abort(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def unacknowledged(sock):
    return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]


# ---- servers -------------------------------------------------------------------------------------


def parts(header):
    """Of a PROXY header without its first 16 bytes."""
    family = header[13]
    size, packed = (4, socket.AF_INET) if family == 0x11 else (16, socket.AF_INET6)
    body = header[16:]
    found = {
        "command": header[12],
        "family": family,
        "from": socket.inet_ntop(packed, body[:size]),
        "to": socket.inet_ntop(packed, body[size : 2 * size]),
        "ports": struct.unpack(">HH", body[2 * size : 2 * size + 4]),
    }
    tlvs = body[2 * size + 4 :]
    while tlvs:
        kind, length = struct.unpack(">BH", tlvs[:3])
        found["tlv%02x" % kind] = tlvs[3 : 3 + length].decode()
        tlvs = tlvs[3 + length :]
    return found


async def echo(reader, writer, _):
    n = 0
    while data := await reader.read(65536):
        n += len(data)
        writer.write(data)
        await writer.drain()
    return {"bytes": n}


async def summed(reader, writer, _):
    digest, n = hashlib.sha256(), 0
    while data := await reader.read(65536):
        digest.update(data)
        n += len(data)
    writer.write(b"%d %s" % (n, digest.hexdigest().encode()))
    return {"bytes": n}


async def push(reader, writer, n):
    writer.write(b"x" * int(n))
    await writer.drain()
    writer.write_eof()
    return {"bytes": len(await reader.read())}


async def deaf(reader, writer, path):
    while not os.path.exists(path):
        await asyncio.sleep(0.02)
    return await summed(reader, writer, None)


async def passed_on(writer):
    sock = writer.get_extra_info("socket")
    while writer.transport.get_write_buffer_size() or (sock.family != socket.AF_UNIX and unacknowledged(sock)):
        await asyncio.sleep(0.01)


async def early(reader, writer, how_path_n):
    how, path, n = how_path_n.split(":")
    await reader.readexactly(1000)
    open(path + ".asked", "w").close()
    while not os.path.exists(path):
        await asyncio.sleep(0.02)
    writer.write(b"x" * int(n))
    if how == "end":
        writer.write_eof()
    await passed_on(writer)
    writer.close()  # with much that is not read
    await writer.wait_closed()
    return {}


async def replies(reader, writer, path_n):
    path, n = path_n.split(":")
    await reader.readexactly(1000)
    writer.write(b"b")
    while not os.path.exists(path):
        await asyncio.sleep(0.02)
    writer.write(b"x" * int(n))
    await passed_on(writer)
    abort(writer)
    return {}


async def banner(_, writer, n):
    writer.write(b"x" * int(n))
    await passed_on(writer)
    abort(writer)
    return {}


async def resetting(reader, writer, _):
    await reader.read(1)
    abort(writer)
    return {}


async def proxied(reader, writer, _):
    header = await reader.readexactly(16)
    if header[:12] != SIGNATURE:
        return {"error": "no PROXY header"}
    header += await reader.readexactly(struct.unpack(">H", header[14:16])[0])
    return parts(header) | await echo(reader, writer, None)


KINDS = {"echo": echo, "sum": summed, "push": push, "deaf": deaf, "early": early, "banner": banner, "reset": resetting,
         "replies": replies}
KINDS["proxy"] = proxied


async def serve(at, kind, log):
    kind, _, argument = kind.partition(":")
    out = open(log, "a", buffering=1)

    async def one(reader, writer):
        told = {}
        try:
            told = await KINDS[kind](reader, writer, argument)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError) as e:
            told = {"error": type(e).__name__}
        finally:
            out.write(json.dumps(told) + "\n")
            writer.close()

    family, where = address(at)
    if family == socket.AF_UNIX:
        s = socket.socket(family)
        s.bind(where)
        s.listen(100)
        if first := os.environ.get("ACCEPT_AFTER"):  # this file is there; until then few fit into its queue
            s.listen(0)
            out.write('{"ready":true}\n')
            while not os.path.exists(first):
                await asyncio.sleep(0.02)
        server = await asyncio.start_unix_server(one, sock=s, limit=65536)
    else:
        server = await asyncio.start_server(one, where[0], where[1], backlog=4096, limit=65536)
    out.write('{"ready":true}\n')
    await server.serve_forever()


def activated():
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    assert int(os.environ["LISTEN_PID"]) == os.getpid()
    sockets = [socket.socket(fileno=3 + i) for i in range(int(os.environ["LISTEN_FDS"]))]
    print("ready", flush=True)
    loop = asyncio.new_event_loop()
    for s, name in zip(sockets, names):
        stream = s.type == socket.SOCK_STREAM

        def answer(s=s, name=name, stream=stream):
            if stream:
                c, _ = s.accept()
                c.sendall(f"{name} tcp".encode())
                c.close()
            else:
                _, peer = s.recvfrom(100)
                s.sendto(f"{name} udp".encode(), peer)

        loop.add_reader(s, answer)
    loop.run_forever()


# ---- clients -------------------------------------------------------------------------------------


def read_all(s):
    got = b""
    while data := s.recv(1 << 20):
        got += data
    return got


async def exchange(at, data):
    family, where = address(at)
    if family == socket.AF_UNIX:
        reader, writer = await asyncio.open_unix_connection(where)
    else:
        reader, writer = await asyncio.open_connection(where[0], where[1])

    async def send():
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    _, got = await asyncio.gather(send(), reader.read())
    writer.close()
    return got


def ask(at, *sizes):
    for n in sizes:
        data = os.urandom(int(n))
        got = asyncio.run(exchange(at, data))
        assert got == data, (len(got), len(data))


def ask_sum(at, n):
    data = os.urandom(int(n))
    got = asyncio.run(exchange(at, data)).decode()
    assert got == f"{n} {hashlib.sha256(data).hexdigest()}", got


def half(at, n):
    s = connect(at)
    s.shutdown(socket.SHUT_WR)
    got = read_all(s)
    assert len(got) == int(n), len(got)
    print("half")


def byte_through(s, n=1):
    s.sendall(b"b" * n)
    assert s.recv(1) == b"b"


def hold(at, n):
    held = [connect(at) for _ in range(int(n))]
    for s in held:
        byte_through(s)
    print("held", flush=True)
    sys.stdin.read()
    for s in held:
        byte_through(s)
    print("well")


def queue(at, n):
    held = [connect(at) for _ in range(int(n))]
    print("queued", flush=True)
    sys.stdin.read()
    answered = 0
    for s in held:
        try:
            byte_through(s)
            answered += 1
        except OSError:
            pass
        s.close()
    print(answered, "answered")


def fill(s):
    s.settimeout(0.2)
    try:
        while s.send(b"x" * 65536):
            pass
    except TimeoutError:
        pass


def await_file(path):
    while not os.path.exists(path):
        time.sleep(0.01)


def tell_rest(s):
    s.settimeout(20)
    n, how = 0, "end"
    try:
        while data := s.recv(1 << 20):
            n += len(data)
    except ConnectionResetError:
        how = "reset"
    print(n, how)


def full(at):
    s = connect(at)
    fill(s)
    print("full", flush=True)
    tell_rest(s)


def late(at, path):
    s = connect(at, window=4096)
    fill(s)
    print("full", flush=True)
    await_file(path)
    tell_rest(s)


def more(at, go, path):
    s = connect(at, window=4096)
    byte_through(s, 1000)
    print("through", flush=True)
    await_file(go)
    s.sendall(b"x" * 1000)
    print("sent", flush=True)
    await_file(path)
    tell_rest(s)


def take(at, path):
    family, where = address(at)
    gate = socket.socket(family)
    gate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    gate.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    gate.bind(where)
    gate.listen()
    print("ready", flush=True)
    s, _ = gate.accept()
    await_file(path)
    tell_rest(s)


def rests(s):
    left = -1
    while left and left != unacknowledged(s):
        left = unacknowledged(s)
        time.sleep(0.3)


def drop(at, path, n, how, pid):
    fds = f"/proc/{pid}/fd"
    before = len(os.listdir(fds))
    s, sent = connect(at), 0
    s.settimeout(0.3)
    try:
        while sent < int(n):
            sent += s.send(b"x" * min(65536, int(n) - sent))
    except TimeoutError:
        pass
    if how != "reset":
        s.shutdown(socket.SHUT_WR)
    while len(os.listdir(fds)) < before + 2:  # of the connection, and to the server
        time.sleep(0.01)
    rests(s)
    os.kill(int(pid), signal.SIGSTOP)
    rests(s)
    print(sent - unacknowledged(s), flush=True)
    if how != "rest":
        open(path, "w").close()
    reset(s)
    os.kill(int(pid), signal.SIGCONT)
    if how == "rest":
        time.sleep(2)
        open(path, "w").close()


def wait(at):
    s = connect(at)
    byte_through(s)
    print("through", flush=True)
    try:
        print("end" if s.recv(1) == b"" else "bytes")
    except ConnectionResetError:
        print("reset")


def reset_one(at):
    s = connect(at)
    byte_through(s)
    reset(s)


def stuff(at, n):
    held = [connect(at) for _ in range(int(n))]
    for s in held:
        fill(s)
    print("full", flush=True)
    sys.stdin.read()
    for s in held:
        reset(s)


def udp(at):
    family, where = address(at)
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.sendto(b"?", where)
    print(s.recv(100).decode())


def tcp(at):
    print(read_all(connect(at)).decode())


class Storm:
    """Clients of an echo. What a client does not break has to be whole."""

    def __init__(self, at, seed):
        self.at, self.random, self.whole, self.broken = at, random.Random(seed), 0, 0

    async def one(self):
        r = self.random
        family, where = address(self.at)
        reader, writer = await asyncio.open_connection(where[0], where[1])
        data = r.randbytes(r.choice([0, 1, 100, 5000, 70000, 300000]))
        way = r.random()
        if way < 0.2:  # reset somewhere
            writer.write(data)
            await asyncio.sleep(r.random() * 0.02)
            abort(writer)
            self.broken += 1
            return
        writer.write(data)
        if way < 0.6:  # the end only when all has come back
            got = await reader.readexactly(len(data))
            writer.write_eof()
            got += await reader.read()
        else:
            writer.write_eof()
            got = await reader.read()
        assert got == data, (len(got), len(data))
        writer.close()
        self.whole += 1

    async def worker(self, end):
        while time.monotonic() < end:
            await self.one()
            if self.random.random() < 0.1:
                await asyncio.sleep(self.random.random() * 0.05)

    async def run(self, seconds):
        end = time.monotonic() + seconds
        await asyncio.gather(*(self.worker(end) for _ in range(50)))


def storm(at, seconds, seed):
    s = Storm(at, int(seed))
    asyncio.run(s.run(float(seconds)))
    print(f"{s.whole} whole, {s.broken} reset")


MODES = {
    "serve": lambda *a: asyncio.run(serve(*a)),
    "activated": activated,
    "ask": ask,
    "sum": ask_sum,
    "half": half,
    "hold": hold,
    "queue": queue,
    "wait": wait,
    "reset": reset_one,
    "stuff": stuff,
    "full": full,
    "late": late,
    "more": more,
    "take": take,
    "drop": drop,
    "udp": udp,
    "tcp": tcp,
    "storm": storm,
}

MODES[sys.argv[1]](*sys.argv[2:])
