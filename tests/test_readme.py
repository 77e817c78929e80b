"""What the README says of settings and of messages is what the code has."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from nnunet_llm4seg import LLM4SegConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _table(heading: str) -> list[str]:
    """The first cells of the table below a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]


def test_every_setting_is_listed_once():
    assert _table("Settings") == [f"`{field.name}`" for field in fields(LLM4SegConfig)]


@pytest.mark.parametrize("cell", [cell for cell in _table("Troubleshooting") if "Could not find" not in cell])
def test_a_message_in_the_troubleshooting_is_one_of_ours(cell):
    folders = (ROOT / "nnunet_llm4seg", ROOT / "plans")
    code = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py"))
    code = re.sub(r'"\n\s*f?"', "", re.sub(r"\{[^{}]*\}", "…", code))
    for quoted in re.findall("`([^`]+)`", cell):
        parts = [part.strip() for part in re.split("…|nnUNet_results|bert", quoted) if part.strip()]
        assert all(part in code for part in parts), quoted
