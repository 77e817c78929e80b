"""Named errors: each has one sentence that names the value, what is allowed and what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches


class LLM4SegError(Exception):
    """Base of every error that a user can cause and fix; the command line turns it into exit code 2."""


class ConfigError(LLM4SegError, ValueError):
    """A setting that does not exist or has a value that is not allowed."""


class SettingsConflictError(LLM4SegError):
    """Two sources (plan, trainer, earlier results) set the same field to different values."""


class ModelNotFoundError(LLM4SegError, FileNotFoundError):
    """The language model's files are not on this machine."""


class GatedModelError(ModelNotFoundError):
    """The model is on the hub, but its licence must be accepted, or the login is missing."""


class HubError(LLM4SegError, ConnectionError):
    """The hub cannot be reached, or does not send what was asked for."""


class CacheError(LLM4SegError, OSError):
    """The folder for fetched layers cannot be written or read."""


class ModelFilesError(LLM4SegError, ValueError):
    """The language model's files are there, but cannot be used."""


class LayerMismatchError(LLM4SegError, ValueError):
    """A layer's tensors are not the ones that the plans name by sha256."""


class LayerNotLoadedError(LLM4SegError, RuntimeError):
    """The network was run before its layer's tensors were loaded."""


class NetworkError(LLM4SegError, TypeError):
    """A network into which nothing can be injected."""


class NonFiniteError(LLM4SegError, ArithmeticError):
    """The bottleneck's output contains inf or nan."""


class CheckpointError(LLM4SegError, OSError):
    """A checkpoint that cannot be written or read."""


class DatasetError(LLM4SegError, ValueError):
    """A data set, its plans or its folders are missing or not as expected."""


class ComparisonError(LLM4SegError, ValueError):
    """Arms that are missing, unfinished or cannot be compared."""


class WorkerError(LLM4SegError, RuntimeError):
    """A process that works for this one ended before its work was done."""


class DemoError(LLM4SegError, RuntimeError):
    """A step of the demo cannot run or has failed; what was done before is kept."""


class StudyError(LLM4SegError, ValueError):
    """A study file or a study's folder that cannot be used as it is."""


class SlurmError(StudyError):
    """SLURM's queue cannot be read on this machine."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the nearest known name, or all of them."""
    names = list(known)
    close = get_close_matches(name, names, 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else f"; choose one of {', '.join(names)}."


def first_line(error: BaseException) -> str:
    """The first line of the message of another library's error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def one_line(error: BaseException) -> str:
    """The whole message of another library's error, in one line."""
    return " ".join(str(error).split())
