"""What the hub refuses, as sentences of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub.utils import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from nnunet_llm4seg.errors import GatedModelError, HubError, LLM4SegError, ModelNotFoundError
from nnunet_llm4seg.llm.session import Transient, endpoint

_LONGEST_WAIT = 30.0  # seconds, if the hub names a time


class NoSuchFile(HubError):
    """The repository has no such file at this commit."""


@contextmanager
def refusals(model: str, revision: str | None = None) -> Iterator[None]:
    """Turn what `hf_raise_for_status` raises into our sentences.

    Raises:
        LLM4SegError: the answer is not what was asked for.
        NoSuchFile: see there.
        Transient: it may succeed later.
    """
    try:
        yield
    except EntryNotFoundError:
        raise NoSuchFile(f"hub: {model!r} lacks a file that it should have; give another revision.") from None
    except HfHubHTTPError as error:  # its text contains addresses, which may contain a signature
        status, headers = error.response.status_code, error.response.headers
        if status in (408, 429) or status >= 500:
            after = headers.get("retry-after", "")
            wait = min(float(after), _LONGEST_WAIT) if after.isdigit() else 0.0
            raise Transient(f"status {status}", wait) from None
        raise _refusal(error, status, headers, model, revision) from None


def _refusal(
    error: HfHubHTTPError, status: int, headers: Mapping[str, str], model: str, revision: str | None
) -> LLM4SegError:
    if isinstance(error, GatedRepoError):
        reason = "you are not logged in" if status == 401 else "your account has no access yet"
        return GatedModelError(
            f"model: {model!r} is gated and {reason} (status {status}); accept its licence at {endpoint()}/{model}, "
            "log in on this machine with `hf auth login` (or set HF_TOKEN), and run the command again. "
            "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B (trainer nnUNetTrainerLLM4SegDeepSeek) is not gated."
        )
    if status == 401 and "credentials" in headers.get("x-error-message", "").lower():
        return GatedModelError(
            "hub: your token is not valid (status 401); make a new one and log in with `hf auth login`, or unset "
            "HF_TOKEN for models that are not gated."
        )
    if isinstance(error, RevisionNotFoundError):
        return ModelNotFoundError(
            f"revision: {model!r} has no revision {revision or 'main'!r}; give a branch, tag or commit of it."
        )
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return ModelNotFoundError(
            f"model: {model!r} is neither a folder here (seen from {Path.cwd()}) nor a model that {endpoint()} shows "
            f"you (status {status}); check the name, or log in with `hf auth login` if it is private."
        )
    if status == 403:
        return GatedModelError(
            f"model: {endpoint()} refuses you {model!r} (status 403); give your token permission to read it (gated "
            f"models: accept the licence at {endpoint()}/{model} and log in with `hf auth login`)."
        )
    if status == 416:
        return HubError(f"hub: a file of {model} is shorter than it was a moment ago; run the command again.")
    return HubError(f"hub: {endpoint()} answered with status {status} for {model}; try later or another endpoint.")
