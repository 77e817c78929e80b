"""A real SLURM of one node on this machine, for as long as a test needs it; ports, key and socket of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_NEEDED = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "munged", "munge")


def why_not() -> str | None:
    """Why no SLURM can be started here, or None."""
    lacking = [name for name in _NEEDED if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if lacking:
        return f"no {', '.join(lacking)} (Debian's packages slurm-wlm and munge)"
    if os.getuid() != 0:
        return "only root can start SLURM's daemons"
    try:
        import submitit  # noqa: F401
    except ImportError:
        return "no submitit (the extra `slurm`)"
    return None


class Slurm:
    """The daemons, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        self.daemons: list[subprocess.Popen] = []

    def start(self) -> None:
        for name in ("state", "spool", "log"):
            (self.folder / name).mkdir(parents=True)
        credentials = self._munge()
        host, (controller, node) = socket.gethostname().split(".")[0], _free_ports(2)
        settings = {
            "ClusterName": "test",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": controller,
            "SlurmdPort": node,
            "SlurmUser": "root",
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={credentials},cred_expire=5",  # a requeued job waits that long, else two minutes
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            "StateSaveLocation": self.folder / "state",
            "SlurmdSpoolDir": self.folder / "spool",
            "SlurmctldPidFile": self.folder / "ctld.pid",
            "SlurmdPidFile": self.folder / "d.pid",
            "ReturnToService": 2,
            "MinJobAge": 300,
            "SchedulerParameters": "sched_interval=1",
        }
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**21
        lines = [f"{key}={value}" for key, value in settings.items()]
        lines += [f"NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory} State=UNKNOWN"]
        lines += [f"PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE DefMemPerCPU=100 State=UP"]
        self.configuration.write_text("\n".join(lines) + "\n")
        for name in ("slurmctld", "slurmd"):
            self._start(name, [name, "-D", "-f", str(self.configuration)])
        deadline = time.monotonic() + 120
        while "idle" not in self.ask("sinfo", "-h", "-o", "%t"):
            assert time.monotonic() < deadline, (self.folder / "log" / "slurmctld").read_text()[-3000:]
            time.sleep(0.5)

    def ask(self, *words: str) -> str:
        return self._run(*words).stdout

    def drain(self, timeout_s: float = 300) -> None:
        """Wait until all jobs have ended; a squeue that failed, as on a busy machine, says nothing."""
        deadline = time.monotonic() + timeout_s
        while (done := self._run("squeue", "-h")).returncode or done.stdout.strip():
            assert time.monotonic() < deadline, done
            time.sleep(0.2)

    def stop(self) -> None:
        self.ask("scancel", "--me")
        with suppress(AssertionError):
            self.drain(30)
        for daemon in reversed(self.daemons):
            with suppress(ProcessLookupError):
                daemon.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(20)
            daemon.kill()
            daemon.wait()

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        return subprocess.run(words, env=environment, capture_output=True, text=True)

    def _munge(self) -> Path:
        """Start the service by which SLURM's daemons and commands authenticate; return its socket."""
        home = self.folder / "munge"
        home.mkdir(mode=0o755)
        (home / "key").write_bytes(os.urandom(128))
        (home / "key").chmod(0o400)
        socket_, words = home / "socket", ["munged", "--foreground", "--force", f"--socket={home / 'socket'}"]
        words += [f"--{name}-file={home / name}" for name in ("key", "pid", "log", "seed")]
        self._start("munged", words)
        deadline = time.monotonic() + 60
        while subprocess.run(["munge", "-n", "-S", socket_], capture_output=True).returncode:
            assert time.monotonic() < deadline, (self.folder / "log" / "munged").read_text()[-3000:]
            time.sleep(0.2)
        return socket_

    def _start(self, name: str, words: list[str]) -> None:
        with (self.folder / "log" / name).open("wb") as log:
            self.daemons.append(subprocess.Popen([f"/usr/sbin/{words[0]}", *words[1:]], stdout=log, stderr=log))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
