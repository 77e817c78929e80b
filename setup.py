"""The long description of the package: the README without links that only work inside the repository.

A package index resolves no relative links, and the repository has no public address yet. Once it has one, name it in
[project.urls] and make the links absolute here.
"""

import re
from pathlib import Path

from setuptools import setup


def long_description() -> str:
    """The README in which a link to a file of the repository is the path of that file, and the picture is omitted."""
    readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    readme = re.sub(r"<picture>.*?</picture>\n*", "", readme, flags=re.DOTALL)
    return re.sub(r"\[[^\]]+\]\((?!https?://)([^)]+)\)", r"`\1`", readme)


setup(long_description=long_description(), long_description_content_type="text/markdown")
