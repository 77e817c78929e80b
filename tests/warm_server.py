"""The process behind `warm_python`: it has imported what every command imports, and forks one child per command.

python warm_server.py LISTENER EXECUTABLE: the number of an open socket, and the `sys.executable` of commands. Standard
input is a pipe, whose end ends this process and all its children.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import marshal
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import suppress

# Packages of others, which read no variable but those that warm_python.FIXED names. nnU-Net and this package are
# imported by every command itself: nnU-Net reads variables when it is imported, and ours is what is tested.
PRELOADED = (
    "torch",
    "torch._dynamo",
    "torch.nn.parallel",
    "torchvision",
    "scipy.ndimage",
    "scipy.stats",
    "skimage.io",
    "skimage.measure",
    "skimage.morphology",
    "skimage.transform",
    "sklearn.model_selection",
    "SimpleITK",
    "nibabel",
    "tifffile",
    "PIL.PngImagePlugin",
    "cc3d",
    "pandas",
    "seaborn",
    "matplotlib.pyplot",
    "jinja2",
    "typer",
    "rich.progress",
    "transformers.modeling_utils",
    "transformers.models.llama.modeling_llama",
    "monai.networks.blocks",
)


class Request:
    """One command: its words, variables, folder, signals that it ignores, cores and open files."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        data, self.files, _, _ = socket.recv_fds(connection, 1 << 16, 250)
        (size,) = struct.unpack_from("q", data)
        while len(data) < 8 + size:
            more = connection.recv(1 << 16)
            if not more:
                raise ConnectionError
            data += more
        self.options, self.words, self.variables, self.folder, self.ignored, self.cores, self.numbers = marshal.loads(
            data[8:]
        )


def serve(listener: socket.socket) -> Request:
    """Fork a child for each request, and return in the child; end with the process that started this one."""
    selector = selectors.DefaultSelector()
    wake, wake_end = os.pipe()
    for end in (wake, wake_end):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    for each in (listener, wake, 0):
        selector.register(each, selectors.EVENT_READ)
    clients: dict[socket.socket, int] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                try:
                    request = Request(connection)
                except (OSError, ValueError, EOFError):
                    connection.close()
                    continue
                child = os.fork()
                if child == 0:
                    os.setsid()
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    selector.close()
                    for each in (listener, connection, *clients):
                        each.close()
                    for each in (wake, wake_end):
                        os.close(each)
                    return request
                for file in request.files:
                    os.close(file)
                clients[connection] = child
                selector.register(connection, selectors.EVENT_READ)
                with suppress(OSError):
                    connection.sendall(struct.pack("q", child))
            elif key.fileobj == wake:
                with suppress(BlockingIOError):
                    os.read(wake, 1 << 12)
                for child, status in _ended():
                    for connection in [c for c, pid in clients.items() if pid == child]:
                        with suppress(OSError):
                            connection.sendall(struct.pack("q", status))
                        selector.unregister(connection)
                        connection.close()
                        del clients[connection]
            elif key.fileobj == 0:
                for child in clients.values():
                    _kill(child)
                os._exit(0)
            elif key.fileobj in clients:  # the command's own process was killed
                _kill(clients[key.fileobj])
                selector.unregister(key.fileobj)
                key.fileobj.close()
                del clients[key.fileobj]


def _ended() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found


def _kill(child: int) -> None:
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(child, signal.SIGKILL)


def become(request: Request, executable: str) -> None:
    """Give this process what the command's own process was given."""
    import fcntl
    import multiprocessing.spawn
    import multiprocessing.util

    import numpy

    away = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 300) for file in request.files]
    for file in request.files:
        os.close(file)
    for file, number in zip(away, request.numbers, strict=True):
        os.dup2(file, number)
        os.close(file)
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        default = signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL
        signal.signal(name, signal.SIG_IGN if name in request.ignored else default)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, request.cores)
    os.chdir(request.folder)
    for name in os.environb.keys() - request.variables.keys():
        del os.environb[name]
    os.environb.update(request.variables)
    sys.executable = executable
    multiprocessing.spawn.set_executable(executable)
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED")) or "-u" in request.options
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        raw = open(number, "wb", 0, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            raw if unbuffered else io.BufferedWriter(raw),
            encoding=sys.getfilesystemencoding(),
            errors=errors,
            line_buffering=number == 2 or raw.isatty(),
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.dont_write_bytecode |= "-B" in request.options
    numpy.random.seed()


def run(words: list[str]) -> None:
    """What `python WORDS` runs, as `__main__`."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    folders = [f for f in os.environ.get("PYTHONPATH", "").split(os.pathsep) if f]
    kind, *rest = words
    if kind == "-c":
        code, *rest = rest
        sys.argv, sys.path = ["-c", *rest], ["", *folders, *sys.path]
        exec(compile(code, "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        name, *rest = rest
        sys.argv, sys.path = [name, *rest], [os.getcwd(), *folders, *sys.path]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path = [kind, *rest], [os.path.dirname(os.path.realpath(kind)), *folders, *sys.path]
        main.__file__ = os.path.abspath(kind)
        with open(kind, "rb") as file:
            code = compile(file.read(), kind, "exec")
        exec(code, main.__dict__)


def leave(code: object) -> None:
    """End as Python does, without the third of a second in which it takes all modules apart."""
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit((code or 0) & 0xFF)


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    executable = sys.argv[2]
    del sys.path[0]  # this file's folder
    for name in PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    assert not {"nnunetv2", "nnunet_llm4seg"} & sys.modules.keys()
    if os.path.isdir("/proc/self/task"):
        assert len(os.listdir("/proc/self/task")) == 1, "a process with threads cannot be forked"
    gc.collect()
    gc.freeze()  # what is here stays shared with the children
    request = serve(listener)
    become(request, executable)
    try:
        run(request.words)
    except SystemExit as end:
        leave(end.code)
    leave(0)


if __name__ == "__main__":
    main()
