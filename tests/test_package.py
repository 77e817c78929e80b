"""What is shipped, and rules for the tree as a whole."""

import ast
import configparser
import email
import email.policy
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import nnunet_llm4seg

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def packages() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return set(setup["options"]["packages"].split())


def test_every_folder_with_code_is_shipped():
    inside = {
        p.parent.relative_to(ROOT).as_posix().replace("/", ".") for p in ROOT.glob("nnunet_llm4seg/**/__init__.py")
    }
    assert packages() == inside | {"nnunet_llm4seg.trainers", "nnunet_llm4seg.plans"}


def test_importing_trainers_and_plans_works_from_a_checkout_with_pythonpath_only(tmp_path):
    code = "import nnunet_llm4seg.trainers, nnunet_llm4seg.plans.make as m; print(m.__file__)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for folder in (tmp_path, ROOT):
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True
        )
        assert result.stdout.strip() == str(ROOT / "plans" / "make.py")


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of what is in the repository, in which building leaves its files."""
    tree = tmp_path_factory.mktemp("build") / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__"))
    return tree


@pytest.fixture(scope="module")
def wheel(tree) -> Path:
    command = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", tree.parent, tree]
    subprocess.run(command, check=True, cwd=tree.parent)
    (wheel,) = tree.parent.glob("*.whl")
    return wheel


def test_a_wheel_holds_everything_and_works_from_anywhere(wheel, tmp_path):
    site = tmp_path / "site"
    subprocess.run([*PIP, "install", "--no-deps", "--target", site, wheel], check=True, cwd=tmp_path)
    shipped = {p.relative_to(site / "nnunet_llm4seg") for p in (site / "nnunet_llm4seg").rglob("*") if p.is_file()}
    assert {Path("py.typed"), Path("trainers/nnunet_llm4seg_trainers.py"), Path("plans/make.py")} <= shipped
    code = "from nnunet_llm4seg.nnunet.environment import trainers_folder as f; print(f())"
    env = {**os.environ, "PYTHONPATH": str(site)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(site / "nnunet_llm4seg" / "trainers")


def test_the_long_description_has_no_link_that_works_only_inside_the_repository(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name), policy=email.policy.default)
    text = metadata.get_content()
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "# nnunet_llm4seg" in text and "`docs/licences.md`" in text
    targets = re.findall(r"\]\(([^)]*)\)|(?:src|srcset|href)=\"([^\"]*)", text)
    assert targets and all("".join(target).startswith("https://") for target in targets)


def test_the_wheel_installs_the_pages_that_the_readme_links(wheel):
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name.partition("share/doc/nnunet-llm4seg/")[2] for name in archive.namelist()}
    linked = re.findall(r"\]\((?!https://)([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert linked and set(linked) <= shipped


def test_public_names_can_all_be_imported():
    assert all(getattr(nnunet_llm4seg, name) for name in nnunet_llm4seg.__all__)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_rooms_do_not_know_what_they_must_not():
    forbidden = {
        "config.py": {"torch", "transformers", "nnunetv2"},
        "bottleneck.py": {"nnunetv2"},
        "llm/**/*.py": {"nnunetv2", "nnunet_llm4seg.trainer", "nnunet_llm4seg.network", "nnunet_llm4seg.cli"},
        "network.py": {"nnunetv2", "nnunet_llm4seg.trainer", "nnunet_llm4seg.datasets", "nnunet_llm4seg.cli"},
        "trainer/**/*.py": {"nnunet_llm4seg.evaluation", "nnunet_llm4seg.analysis", "nnunet_llm4seg.cli"},
        "backbones/*.py": {"nnunet_llm4seg.llm", "nnunet_llm4seg.nnunet", "nnunet_llm4seg.cli"},
        "nnunet/*.py": {
            "nnunet_llm4seg.llm",
            "nnunet_llm4seg.trainer",
            "nnunet_llm4seg.evaluation",
            "nnunet_llm4seg.cli",
        },
        "study/*.py": {"nnunet_llm4seg.network", "nnunet_llm4seg.bottleneck", "nnunet_llm4seg.cli"},
        "datasets/*.py": {"nnunet_llm4seg.network", "nnunet_llm4seg.trainer", "nnunet_llm4seg.cli"},
        "evaluation/**/*.py": {"nnunet_llm4seg.trainer", "nnunet_llm4seg.cli"},
        "analysis/*.py": {"nnunet_llm4seg.trainer", "nnunet_llm4seg.cli"},
        "../plans/*.py": {"nnunet_llm4seg.trainer", "nnunet_llm4seg.cli"},
    }
    inside = ROOT / "nnunet_llm4seg"
    for path, names in ((path, names) for pattern, names in forbidden.items() for path in inside.glob(pattern)):
        known = {name for name in _imports(path) for bad in names if name == bad or name.startswith(bad + ".")}
        assert not known, f"{path} imports {known}"


def test_no_file_outgrows_one_idea():
    files = [p for room in ("nnunet_llm4seg", "plans", "scripts", "trainers") for p in (ROOT / room).glob("**/*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in files}
    assert len(files) > 50
    assert not {path: lines for path, lines in lengths.items() if lines > 300}
