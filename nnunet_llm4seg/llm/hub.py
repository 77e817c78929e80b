"""Files on the Hugging Face hub, by byte ranges, through `huggingface_hub`'s own session, endpoint, token and proxies.

`huggingface_hub`'s session is a `requests.Session` before its version 1 and an httpx client since; both are used here
by what they have in common. No sentence of ours holds a token, or a storage URL, which would be as good as one.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.utils import HfHubHTTPError, build_hf_headers, get_session

from nnunet_llm4seg.errors import GatedModelError, HubError, LLM4SegError, ModelNotFoundError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_TRIES = 5  # in a row without a single byte, 4 s in all
_LONGEST_WAIT = 30.0  # seconds, where the hub names a time
_CHUNK = 1 << 14  # bytes; an interrupted answer loses less than one


class RangesRefused(Exception):
    """The server sends whole files only."""


class NoSuchFile(Exception):
    """The repository has no such file at this commit."""


class _Transient(Exception):
    """A failure after which another try may help."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Repository:
    """A model repository at one commit."""

    model: str
    commit: str

    def text(self, file: str) -> str | None:
        """A small file's content, or None if the repository has no such file.

        Raises:
            HubError, ModelNotFoundError: it cannot be had.
        """

        def once() -> str:
            with _answer(self._url(file), {}) as (status, headers, chunks):
                _check(status, headers, self.model)
                return b"".join(chunks).decode("utf-8", "replace")

        try:
            return _retried(once, f"{file} of {self.model}")
        except NoSuchFile:
            return None

    def file(self, name: str) -> RemoteFile:
        """A large file of the repository.

        Raises:
            NoSuchFile: there is none of that name.
            HubError, ModelNotFoundError: it cannot be had.
        """
        metadata = _metadata(self._url(name), self.model, None)
        if metadata.size is None:
            raise HubError(
                f"hub: {_endpoint()} does not say how large {name} of {self.model} is; use another endpoint."
            )
        return RemoteFile(self, name, metadata.size, metadata.etag or "")

    def _url(self, file: str) -> str:
        return hf_hub_url(self.model, file, revision=self.commit)


class RemoteFile:
    """A large file at one commit, of known size.

    Attributes:
        etag: What the hub calls the content; the sha256 for files in its large-file storage.
    """

    def __init__(self, repository: Repository, name: str, size: int, etag: str) -> None:
        self.repository, self.name, self.size, self.etag = repository, name, size, etag
        self._storage_etag: str | None = None

    def chunks(self, begin: int, end: int) -> Iterator[bytes]:
        """The bytes `begin` to `end` (exclusive); an interrupted answer is continued where it stopped.

        Raises:
            RangesRefused: the server has no ranges.
            HubError: the bytes cannot be had, or the file changed meanwhile.
        """
        position, failures = begin, 0
        while position < end:
            before = position
            try:
                asked = {"Range": f"bytes={position}-{end - 1}"}
                with _answer(self.repository._url(self.name), asked) as (status, headers, chunks):
                    if status == 200:
                        raise RangesRefused
                    _check(status, headers, self.repository.model)
                    self._check_same(headers, position)
                    for chunk in chunks:
                        chunk = chunk[: end - position]
                        position += len(chunk)
                        yield chunk
                if position < end:
                    raise _Transient("the answer ended early")
            except _Transient as error:
                failures = 1 if position > before else failures + 1
                _wait(error, failures, f"{self.name} of {self.repository.model}, byte {position} of {begin} to {end}")

    def download(self, path: Path) -> None:
        """The whole file, for servers without ranges; its sha256 is checked where the hub names one.

        Raises:
            HubError: it cannot be had, or what came is not what the hub names.
        """

        def once() -> None:
            digest, received = hashlib.sha256(), 0
            with _answer(self.repository._url(self.name), {}) as (status, headers, chunks), path.open("wb") as file:
                _check(status, headers, self.repository.model)
                for chunk in chunks:
                    file.write(chunk)
                    digest.update(chunk)
                    received += len(chunk)
            if received != self.size:
                raise _Transient(f"{received} of {self.size} bytes came")
            if re.fullmatch("[0-9a-f]{64}", self.etag) and digest.hexdigest() != self.etag:
                raise _Transient("what came has another sha256 than the hub names")

        _retried(once, f"{self.name} of {self.repository.model}")

    def _check_same(self, headers: Mapping[str, str], position: int) -> None:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("content-range", ""))
        etag = headers.get("etag", "")
        self._storage_etag = etag if self._storage_etag is None else self._storage_etag
        if found and int(found[1]) != position:
            raise HubError(f"hub: {_endpoint()} sent other bytes of {self.name} than asked for; use another endpoint.")
        if etag != self._storage_etag or (found and found[2] not in ("*", str(self.size))):
            raise HubError(
                f"hub: {self.name} of {self.repository.model} changed while it was being downloaded; nothing of it is "
                "kept, run the command again."
            )


def open_repository(model: str, revision: str | None) -> Repository:
    """Ask the hub for a model at a branch, tag or commit (`None` is the branch `main`).

    Raises:
        ModelNotFoundError: there is no such model or revision, or it has no `config.json`.
        GatedModelError: its licence was not accepted, or the login is missing.
        HubError: the hub cannot be reached.
    """
    try:
        metadata = _metadata(hf_hub_url(model, "config.json", revision=revision), model, revision)
    except NoSuchFile:
        raise ModelNotFoundError(
            f"model: {model!r} has no config.json on the hub, so it is no transformers model; choose another."
        ) from None
    if not metadata.commit_hash:
        raise HubError(
            f"hub: {_endpoint()} names no commit for {model}; set HF_ENDPOINT to one that speaks as the hub."
        )
    return Repository(model, metadata.commit_hash)


def offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask the hub."""
    return bool(constants.HF_HUB_OFFLINE)


def _metadata(url: str, model: str, revision: str | None) -> Any:
    def once() -> Any:
        try:
            return get_hf_file_metadata(url, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        except HfHubHTTPError as error:
            if error.response is None:
                raise _Transient(type(error).__name__) from None
            _check(error.response.status_code, error.response.headers, model, revision)
            raise HubError(f"hub: {_endpoint()} answered what {model} is in a way that we do not read.") from None
        except _transport_errors() as error:
            raise _Transient(type(error).__name__) from None

    return _retried(once, model)


@contextmanager
def _answer(url: str, headers: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, str], Iterator[bytes]]]:
    """A GET: status, headers (any case) and the body in chunks; failures of the connection become `_Transient`."""
    session = get_session()
    asked = {
        "headers": {**build_hf_headers(), "Accept-Encoding": "identity", **headers},
        "timeout": constants.HF_HUB_DOWNLOAD_TIMEOUT,
    }
    try:
        if callable(getattr(session, "stream", None)):  # httpx; in requests it is a setting
            with session.stream("GET", url, follow_redirects=True, **asked) as response:
                yield response.status_code, response.headers, response.iter_bytes(_CHUNK)
        else:
            with session.get(url, stream=True, **asked) as response:
                yield response.status_code, response.headers, response.iter_content(_CHUNK)
    except _transport_errors() as error:
        raise _Transient(type(error).__name__) from None


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the session's library raises when a connection fails."""
    for cls in type(get_session()).__mro__:
        library = sys.modules.get(cls.__module__.partition(".")[0])
        for name in ("RequestException", "HTTPError"):  # requests, httpx
            if hasattr(library, name):
                return (getattr(library, name),)
    return (ConnectionError, TimeoutError)


def _retried(once: Callable[[], _T], what: str) -> _T:
    failures = 0
    while True:
        try:
            return once()
        except _Transient as error:
            failures += 1
            _wait(error, failures, what)


def _wait(error: _Transient, failures: int, what: str) -> None:
    """Wait before the next try.

    Raises:
        HubError: there were enough tries.
    """
    if failures >= _TRIES:
        raise HubError(
            f"hub: {_endpoint()} did not send {what} ({error}, {failures} times in a row); nothing half-written is "
            "used, and what came is continued by the same command later. Check the network, the proxy variables and "
            "HF_ENDPOINT."
        ) from None
    _log.info("%s: %s, trying again", what, error)
    time.sleep(max(error.wait, 0.125 * 2**failures))


def _check(status: int, headers: Mapping[str, str], model: str, revision: str | None = None) -> None:
    """Turn a refusal into a sentence.

    Raises:
        LLM4SegError: the answer is not what was asked for.
        NoSuchFile: see there.
        _Transient: it may be later.
    """
    if status in (200, 206):
        return
    if status in (408, 429) or status >= 500:
        after = headers.get("retry-after", "")
        raise _Transient(f"status {status}", min(float(after), _LONGEST_WAIT) if after.isdigit() else 0.0)
    if headers.get("x-error-code") == "EntryNotFound":
        raise NoSuchFile
    raise _refusal(status, headers, model, revision)


def _refusal(status: int, headers: Mapping[str, str], model: str, revision: str | None) -> LLM4SegError:
    code, said = headers.get("x-error-code", ""), headers.get("x-error-message", "")
    if code == "GatedRepo":
        reason = "you are not logged in" if status == 401 else "your account has no access yet"
        return GatedModelError(
            f"model: {model!r} is gated and {reason} (status {status}); accept its licence at {_endpoint()}/{model}, "
            "log in on this machine with `hf auth login` (or set HF_TOKEN), and run the command again. "
            "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B (trainer nnUNetTrainerLLM4SegDeepSeek) is not gated."
        )
    if status == 401 and "credentials" in said.lower():
        return GatedModelError(
            "hub: your token is not valid (status 401); make a new one and log in with `hf auth login`, or unset "
            "HF_TOKEN for models that are not gated."
        )
    if code == "RevisionNotFound":
        return ModelNotFoundError(
            f"revision: {model!r} has no revision {revision or 'main'!r}; give a branch, tag or commit of it."
        )
    if status in (401, 404) or code == "RepoNotFound":
        return ModelNotFoundError(
            f"model: {model!r} is neither a folder here (seen from {Path.cwd()}) nor a model that {_endpoint()} shows "
            f"you (status {status}); check the name, or log in with `hf auth login` if it is private."
        )
    if status == 403:
        return GatedModelError(
            f"model: {_endpoint()} refuses you {model!r} (status 403); give your token the right to read it (gated "
            f"models: accept the licence at {_endpoint()}/{model} and log in with `hf auth login`)."
        )
    if status == 416:
        return HubError(f"hub: a file of {model} is shorter than it was a moment ago; run the command again.")
    return HubError(f"hub: {_endpoint()} answered with status {status} for {model}; try later or another endpoint.")


def _endpoint() -> str:
    """The endpoint without any user or password in it."""
    parts = urlsplit(constants.ENDPOINT)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
