"""What the README and the pages say about settings, messages and files agrees with the repository."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from nnunet_llm4seg import LLM4SegConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))


def _table(text: str, heading: str) -> list[str]:
    """The first cells of the table below a heading."""
    section = re.split(rf"^#+ {heading}\n", text, flags=re.MULTILINE)[1].split("\n## ")[0]
    return [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]


def test_every_setting_is_listed_once():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert _table(page, "Settings") == [f"`{field.name}`" for field in fields(LLM4SegConfig)]


def test_the_readme_can_be_read_in_one_go_and_links_every_page():
    assert len(README.splitlines()) < 220
    pages = {page.name for page in PAGES} - {"package-index.md"}  # which a package index shows instead of the README
    assert [page for page in pages if f"](docs/{page})" not in README] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.name)
def test_a_link_leads_to_a_file_of_the_repository_or_to_the_web(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]*)", text)
    local = [link for pair in links if not (link := "".join(pair)).startswith("https://")]
    assert [link for link in local if not (page.parent / link.split("#")[0]).is_file()] == []


def test_the_map_for_contributors_names_files_and_folders_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = ("nnunet_llm4seg/", "tests/", "plans/", "trainers/", "scripts/", "docs/")
    named = [name for name in re.findall(r"`([\w/.-]+)`", text) if name.startswith(rooms)]
    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("cell", [cell for cell in _table(README, "Troubleshooting") if "Could not find" not in cell])
def test_a_message_in_the_troubleshooting_is_one_of_ours(cell):
    folders = (ROOT / "nnunet_llm4seg", ROOT / "plans")
    code = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py"))
    code = re.sub(r'"\n\s*f?"', "", re.sub(r"\{[^{}]*\}", "…", code))
    for quoted in re.findall("`([^`]+)`", cell):
        parts = [part.strip() for part in re.split("…|nnUNet_results|bert", quoted) if part.strip()]
        assert all(part in code for part in parts), quoted
