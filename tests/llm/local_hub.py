"""A hub on 127.0.0.1: the part of its protocol that `huggingface_hub` uses, with the faults that real ones have.

Small files come from the hub itself; safetensors files, as on the real hub, by a redirect to a storage server on
another port.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "c0ffee" + "0" * 34
TOKEN = "hf_letmein"
STRANGER = "hf_stranger"  # a valid token of an account without access


@dataclass
class LocalHub:
    """Repositories of one commit each, and how the servers behave.

    Attributes:
        ranges: Whether the storage supports byte ranges.
        drop_after: The storage closes the connection after so many bytes of an answer, as often as `drops` says.
        stall: The storage sends nothing for so many seconds, once, after `drop_after` bytes.
        pace: Seconds that the storage waits after each block of 16 KiB.
        flip: Offset of a byte that the storage sends wrongly.
        change_after: Answers after which the storage has another file of the same size.
        commit: What the hub calls the commit of every repository.
        broken: Answers with status 503 before the hub works.
        sent: Body bytes that the storage sent.
        asked: (server, method, path, headers) of every request.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    ranges: bool = True
    drop_after: int | None = None
    drops: int = 0
    stall: float = 0.0
    pace: float = 0.0
    flip: int | None = None
    change_after: int | None = None
    commit: str = COMMIT
    broken: int = 0
    sent: int = 0
    asked: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self):
        self.lock = threading.Lock()
        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, serve)) for serve in (_hub, _storage)]
        self.url, self.storage = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def add(self, model: str, folder: Path, **more: bytes | None) -> None:
        """Publish a folder's files; `more` adds some, or removes them (None)."""
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        files.update({name.replace("__", "."): content for name, content in more.items()})
        self.repositories[model] = {name: content for name, content in files.items() if content is not None}

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def environment(self, home: Path, **variables: str) -> dict[str, str]:
        """Variables for a process that uses this hub only."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "LLM4SEG", "HUGGING"))}
        paths = {"PYTHONPATH": str(ROOT), "LLM4SEG_HOME": str(home / "cache"), "HF_HOME": str(home / "hf")}
        quick = {"HF_HUB_DOWNLOAD_TIMEOUT": "2", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        return {**kept, **paths, **quick, "HF_ENDPOINT": self.url, **variables}

    def start(self, code: str, home: Path, **variables: str) -> subprocess.Popen:
        """Run Python code in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=self.environment(home, **variables),
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fetch(self, home: Path, model: str = "org/tiny", layer: int = 14, **options) -> dict:
        """Run `fetch_layer` in a process of its own: {"folder": …} or {"error": …, "message": …}, and "log"."""
        process = self.start(fetch_code(model, layer, **options.pop("arguments", {})), home, **options)
        output, log = process.communicate(timeout=600)
        assert output, log
        return {**json.loads(output.splitlines()[-1]), "log": log}


def fetch_code(model: str, layer: int, **arguments) -> str:
    """Python code that fetches a layer and prints the outcome."""
    return f"""
import json, pathlib
from nnunet_llm4seg.errors import LLM4SegError
from nnunet_llm4seg.llm.fetch import fetch_layer
arguments = {arguments!r}
if "to" in arguments:
    arguments["to"] = pathlib.Path(arguments["to"])
try:
    print(json.dumps({{"folder": str(fetch_layer({model!r}, {layer}, **arguments))}}))
except LLM4SegError as error:
    print(json.dumps({{"error": type(error).__name__, "message": str(error)}}))
"""


def _handler(hub: LocalHub, serve):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            with hub.lock:
                hub.asked.append((serve.__name__, self.command, self.path, dict(self.headers)))
            try:
                serve(hub, self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

        def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    return Handler


def _hub(hub: LocalHub, request) -> None:
    with hub.lock:
        broken, hub.broken = hub.broken > 0, hub.broken - 1
    if broken:
        return request.answer(503)
    found = re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", request.path)
    files = hub.repositories.get(found[1]) if found else None
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token not in ("", TOKEN, STRANGER):
        return request.answer(401, {"X-Error-Message": "Invalid credentials in Authorization header"})
    if files is None:
        return request.answer(404 if token else 401, {"X-Error-Code": "RepoNotFound"})
    if found[1] in hub.gated and token != TOKEN:
        return request.answer(403 if token else 401, {"X-Error-Code": "GatedRepo"})
    if found[2] not in ("main", "v1", COMMIT):
        return request.answer(404, {"X-Error-Code": "RevisionNotFound"})
    if found[3] not in files:
        return request.answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
    content = files[found[3]]
    digest = hashlib.sha256(content).hexdigest()
    headers = {"X-Repo-Commit": hub.commit, "ETag": f'"{digest[:40]}"'}
    if not found[3].endswith(".safetensors"):
        return request.answer(200, headers, content)
    large = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{digest}"'}
    location = f"{hub.storage}/{found[1]}/{found[3]}?Signature=secret"
    return request.answer(302, {**headers, **large, "Location": location})


def _storage(hub: LocalHub, request) -> None:
    model, file = re.fullmatch(r"/(.+)/([^/?]+)\?.*", request.path).groups()
    content, etag = hub.repositories[model][file], '"one"'
    if hub.change_after is not None:
        hub.change_after -= 1
        if hub.change_after < 0:
            content, etag = bytes(len(content)), '"other"'
    if hub.flip is not None:
        content = content[: hub.flip] + bytes([content[hub.flip] ^ 1]) + content[hub.flip + 1 :]
    begin, end, status, headers = 0, len(content), 200, {"ETag": etag}
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
    if hub.ranges and asked:
        begin, end, status = int(asked[1]), min(int(asked[2]) + 1, end), 206
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(end - begin)}.items():
        request.send_header(name, value)
    request.end_headers()
    for position in range(begin, end, 1 << 14):
        block = content[position : min(position + (1 << 14), end)]
        if hub.drops and hub.drop_after is not None and position - begin >= hub.drop_after:
            hub.drops -= 1
            time.sleep(hub.stall)
            request.close_connection = True
            return
        request.wfile.write(block)
        request.wfile.flush()
        with hub.lock:
            hub.sent += len(block)
        time.sleep(hub.pace)
