#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py COMMAND... : runs it on a terminal, and talks with it as the lines on stdin say:

want TEXT       it prints that, behind what was wanted before
type TEXT       it is typed; \\r, \\003 and the like as in a string
size ROWS COLS  the terminal has this size from now on
done CODE       it ends with this exit status

Each within 30 seconds, else exit status 1, and what was printed."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

LIMIT = 30


class Talk:
    def __init__(self, argv):
        self.seen = b""
        self.read = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execvp(argv[0], argv)

    def hear(self, end):
        """More of what it prints; false when there is none any more, or no time."""
        ready = select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]
        try:
            piece = os.read(self.fd, 4096) if ready else b""
        except OSError:
            piece = b""
        self.seen += piece
        self.read += piece.decode(errors="replace")
        return piece != b""

    def want(self, text):
        text, end = text.encode(), time.monotonic() + LIMIT
        while text not in self.seen:
            if not self.hear(end):
                return f"not printed: {text!r}"
        self.seen = self.seen.split(text, 1)[1]
        return None

    def type(self, text):
        os.write(self.fd, text.encode().decode("unicode_escape").encode("latin1"))

    def size(self, text):
        rows, columns = map(int, text.split())
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def done(self, text):
        end = time.monotonic() + LIMIT
        while self.hear(end):
            pass
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                return None if code == int(text) else f"exit {code}, not {text}"
            time.sleep(0.01)
        return "it does not end"


def main():
    talk = Talk(sys.argv[1:])
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        fault = getattr(talk, word)(rest)
        if fault:
            print(f"{talk.read}\n{line.strip()}: {fault}")
            os.close(talk.fd)
            sys.exit(1)


main()
