# ruff: noqa: F821 (names that warm_python puts before this text)
"""A `python` that hands its words to the process of `warm_server.py`, and ends as the command ends.

`warm_python` puts its own first line and the names below before this text. Whatever the server cannot do is done by
the real Python.
"""

import array
import marshal
import os
import signal
import socket
import struct
import sys

SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def really() -> None:
    os.execv(REAL, [REAL, *sys.argv[1:]])


def same(variables: dict[bytes, bytes]) -> bool:
    """Whether all variables that packages read when they are imported have the server's values."""
    return {n: v for n, v in variables.items() if n.startswith(PREFIXES) and n not in FREE} == FIXED


options, words, variables = [], sys.argv[1:], dict(os.environb)
while words and words[0] in ("-u", "-B"):  # -B: what spawned workers are given where PYTHONDONTWRITEBYTECODE is set
    options, words = [*options, words[0]], words[1:]
if not words or (words[0].startswith("-") and words[0] not in ("-c", "-m")) or not same(variables):
    really()
files = [n for n in map(int, os.listdir("/dev/fd")) if os.path.exists(f"/dev/fd/{n}") and os.get_inheritable(n)]
ignored = [int(number) for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN]
cores = list(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
server = socket.socket(socket.AF_UNIX)
try:
    server.connect(SOCKET)
except OSError:
    really()
child = 0
early = []


def tell(number: int) -> None:
    """Signal the command; an interrupt from the keyboard reaches its workers, too."""
    (os.killpg if number == signal.SIGINT else os.kill)(child, number)


def pass_on(number: int, frame: object) -> None:
    if child:
        tell(number)
    else:
        early.append(number)


for number in SIGNALS:
    if number not in ignored:
        signal.signal(number, pass_on)
data = marshal.dumps((options, words, variables, os.getcwd(), ignored, cores, files))
data = struct.pack("q", len(data)) + data
sent = server.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
server.sendall(data[sent:])
for number in files:
    os.close(number)


def answer() -> int:
    try:
        return struct.unpack("q", server.recv(8, socket.MSG_WAITALL))[0]
    except (OSError, struct.error):
        os._exit(70)  # the server has ended


child = answer()
for number in early:
    tell(number)
status = answer()
if os.WIFSIGNALED(status):
    number = os.WTERMSIG(status)
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
os._exit(os.waitstatus_to_exitcode(status))
