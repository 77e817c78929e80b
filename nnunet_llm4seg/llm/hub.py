"""Files on the Hugging Face hub, whole or by byte ranges."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from huggingface_hub import constants, hf_hub_url
from huggingface_hub.utils import HFValidationError, hf_raise_for_status, validate_repo_id

from nnunet_llm4seg.errors import HubError, ModelNotFoundError
from nnunet_llm4seg.llm.refusals import NoSuchFile, refusals
from nnunet_llm4seg.llm.session import Transient, answer, endpoint, retried, wait_before_retry

_REDIRECTS = 5


class RangesRefused(Exception):
    """The server sends whole files only."""


@dataclass(frozen=True)
class Repository:
    """A model repository at one commit."""

    model: str
    commit: str

    def text(self, file: str) -> str | None:
        """A small file's content, or None if the repository has no such file.

        Raises:
            HubError, ModelNotFoundError: it cannot be obtained.
        """

        def once() -> str:
            with refusals(self.model), answer(self._url(file)) as (response, chunks):
                hf_raise_for_status(response)
                return b"".join(chunks).decode("utf-8", "replace")

        try:
            return retried(once, f"{file} of {self.model}")
        except NoSuchFile:
            return None

    def file(self, name: str) -> RemoteFile:
        """A large file of the repository.

        Raises:
            NoSuchFile: there is none of that name.
            HubError, ModelNotFoundError: it cannot be obtained.
        """
        metadata = _metadata(self._url(name), self.model, None)
        size = metadata.get("x-linked-size") or metadata.get("content-length") or ""
        if not size.isdigit():
            raise HubError(
                f"hub: {endpoint()} does not say how large {name} of {self.model} is; use another endpoint."
            )
        etag = metadata.get("x-linked-etag") or metadata.get("etag") or ""
        return RemoteFile(self, name, int(size), etag.removeprefix("W/").strip('"'))

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
            HubError: the bytes cannot be obtained, or the file changed in the meantime.
        """
        position, failures = begin, 0
        while position < end:
            before = position
            try:
                asked = {"Range": f"bytes={position}-{end - 1}"}
                model = self.repository.model
                with refusals(model), answer(self.repository._url(self.name), asked) as (response, chunks):
                    hf_raise_for_status(response)
                    if response.status_code == 200:
                        raise RangesRefused
                    self._check_same(response.headers, position)
                    for chunk in chunks:
                        chunk = chunk[: end - position]
                        position += len(chunk)
                        yield chunk
                if position < end:
                    raise Transient("the answer ended early")
            except Transient as error:
                failures = 1 if position > before else failures + 1
                wait_before_retry(
                    error, failures, f"{self.name} of {self.repository.model}, byte {position} of {begin} to {end}"
                )

    def download(self, path: Path) -> None:
        """The whole file, for servers without ranges; its sha256 is checked if the hub names one.

        Raises:
            HubError: it cannot be obtained, or its sha256 is not the one that the hub names.
        """

        def once() -> None:
            digest, received = hashlib.sha256(), 0
            with refusals(self.repository.model), answer(self.repository._url(self.name)) as (response, chunks):
                hf_raise_for_status(response)
                with path.open("wb") as file:
                    for chunk in chunks:
                        file.write(chunk)
                        digest.update(chunk)
                        received += len(chunk)
            if received != self.size:
                raise Transient(f"{received} of {self.size} bytes came")
            if re.fullmatch("[0-9a-f]{64}", self.etag) and digest.hexdigest() != self.etag:
                raise Transient("the received file has another sha256 than the hub names")

        retried(once, f"{self.name} of {self.repository.model}")

    def _check_same(self, headers: Mapping[str, str], position: int) -> None:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("content-range", ""))
        etag = headers.get("etag", "")
        self._storage_etag = etag if self._storage_etag is None else self._storage_etag
        if found and int(found[1]) != position:
            raise HubError(
                f"hub: {endpoint()} sent other bytes of {self.name} than were asked for; use another endpoint."
            )
        if etag != self._storage_etag or (found and found[2] not in ("*", str(self.size))):
            raise HubError(
                f"hub: {self.name} of {self.repository.model} changed during the download; nothing of it is "
                "kept, so run the command again."
            )


def check_id(model: str) -> None:
    """Refuse a text that cannot be a hub id.

    Raises:
        ModelNotFoundError: it is not one.
    """
    try:
        validate_repo_id(model)
    except HFValidationError:
        raise ModelNotFoundError(
            f"model: {model!r} is neither a folder (seen from {Path.cwd()}) nor a hub id such as 'org/name'; give an "
            "existing folder in Hugging Face's layout, or a hub id (`llm4seg models` lists some)."
        ) from None


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
            f"model: {model!r} has no config.json on the hub, so it is not a transformers model; choose another."
        ) from None
    commit = metadata.get("x-repo-commit", "")
    if not re.fullmatch("[0-9a-f]{40}", commit):  # it becomes the name of a folder
        raise HubError(
            f"hub: {endpoint()} names no commit of 40 hex digits for {model} ({commit!r}); set HF_ENDPOINT to one "
            "that speaks as the hub."
        )
    return Repository(model, commit)


def offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids asking the hub."""
    return bool(constants.HF_HUB_OFFLINE)


def _metadata(url: str, model: str, revision: str | None) -> dict[str, str]:
    """The hub's headers about a file, in lower case; `x-linked-…` for a file in another storage.

    Not by `huggingface_hub.get_hf_file_metadata`: before version 1 it logs the address with any password in it, and
    tries five times by itself.
    """

    def once() -> dict[str, str]:
        address, said = url, {}
        for _ in range(_REDIRECTS):
            with refusals(model, revision), answer(address, method="HEAD", follow=False) as (response, _):
                hf_raise_for_status(response)
                moved = 300 <= response.status_code < 400
                own = {name.lower(): value for name, value in response.headers.items()}
                target = urljoin(address, own.pop("location", "")) if moved else address
                if moved:
                    own.pop("content-length", None)  # of the redirect itself
                said.update(own)
                if (
                    not moved or urlsplit(target)[:2] != urlsplit(address)[:2]
                ):  # the token is only sent to the same scheme and host
                    return said
                address = target  # a renamed repository
        raise HubError(f"hub: {endpoint()} redirects {model} in circles; set HF_ENDPOINT to another one.")

    return retried(once, model)
