"""One line of the report of `llm4seg doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: `ok`; `note`, which does not prevent a training; or `bad`, which does.
        topic: What was looked at.
        text: What was found.
        command: What to run next about it, if anything.
    """

    level: str
    topic: str
    text: str
    command: str = ""
