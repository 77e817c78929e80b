"""Images inside a page."""

from __future__ import annotations

import base64


def data_uri(content: bytes, media_type: str = "image/png") -> str:
    """A file's bytes as the source of an <img>, so that the page stays one file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
