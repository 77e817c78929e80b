"""Requests through `huggingface_hub`'s session, with retries.

That session is a `requests.Session` before `huggingface_hub` 1 and an httpx client since then; only their common
interface is used. Our messages contain no token, no password, and no storage URL, which would be equivalent to one.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from huggingface_hub import constants
from huggingface_hub.utils import HfHubHTTPError, build_hf_headers, get_session

from nnunet_llm4seg.errors import HubError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_TRIES = 5  # in a row without a single byte, 4 s in total
_CHUNK = 1 << 14  # bytes; an interrupted answer loses less than one chunk


class Transient(Exception):
    """A failure after which another try may help."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@contextmanager
def answer(
    url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", follow: bool = True
) -> Iterator[tuple[Any, Iterator[bytes]]]:
    """The library's response, and its body in chunks; redirects are followed if asked.

    The token is sent to the endpoint only: both libraries omit it if a redirect leads to another host.
    Not by `huggingface_hub.utils.http_backoff`: what it returns cannot be streamed in both libraries.

    Raises:
        Transient: the connection fails.
    """
    session: Any = get_session()  # of httpx or, in huggingface_hub before 1.0, of requests
    asked = {
        "headers": {**build_hf_headers(), "Accept-Encoding": "identity", **(headers or {})},
        "timeout": constants.HF_HUB_DOWNLOAD_TIMEOUT,
    }
    try:
        if callable(getattr(session, "stream", None)):  # httpx; in requests it is a setting
            with session.stream(method, url, follow_redirects=follow, **asked) as response:
                yield response, response.iter_bytes(_CHUNK)
        else:
            with session.request(method, url, stream=True, allow_redirects=follow, **asked) as response:
                yield response, response.iter_content(_CHUNK)
    except HfHubHTTPError:  # the hub's own answer; a kind of what is caught next
        raise
    except _transport_errors() as error:
        raise Transient(type(error).__name__) from None


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the session's library raises when a connection fails."""
    for cls in type(get_session()).__mro__:
        library = sys.modules.get(cls.__module__.partition(".")[0])
        for name in ("RequestException", "HTTPError"):  # requests, httpx
            if hasattr(library, name):
                return (getattr(library, name),)
    return (ConnectionError, TimeoutError)


def retried(once: Callable[[], _T], what: str) -> _T:
    """Call `once` again after a `Transient` failure.

    Raises:
        HubError: the tries are used up.
    """
    failures = 0
    while True:
        try:
            return once()
        except Transient as error:
            failures += 1
            wait_before_retry(error, failures, what)


def wait_before_retry(error: Transient, failures: int, what: str) -> None:
    """Wait before the next try.

    Raises:
        HubError: the tries are used up.
    """
    if failures >= _TRIES:
        raise HubError(
            f"hub: {endpoint()} did not send {what} ({error}, {failures} times in a row); nothing incomplete is "
            "used, and the same command continues later. Check the network, the proxy variables and "
            "HF_ENDPOINT."
        ) from None
    _log.info("%s: %s, trying again", what, error)
    time.sleep(max(error.wait, 0.125 * 2**failures))


def endpoint() -> str:
    """The endpoint without any user or password in it."""
    parts = urlsplit(constants.ENDPOINT)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
