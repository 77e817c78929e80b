"""`report`: `llm4seg compare` per data set and baseline, on what is done, and one answer over all of them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.evaluation.report.write import without_nan
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.study.answer import answer_lines, claims_in_order, progress
from nnunet_llm4seg.study.comparable import Compared, Comparison, comparisons
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.findings import arm_name, find
from nnunet_llm4seg.study.folder import amendments
from nnunet_llm4seg.study.page import render
from nnunet_llm4seg.study.trainings import Training


def compare_words(study: Study, chosen: Comparison) -> list[str]:
    """The command, to be run with nnUNet_results set to the first run's results."""

    words = ["llm4seg", "compare", chosen.data.name, chosen.data.configuration]
    words += ["--baseline", arm_name(study, chosen.baseline)]
    for arm in chosen.candidates:
        words += ["--candidate", arm_name(study, arm)]
    for fold in chosen.folds:
        words += ["--folds", str(fold)]
    for run in chosen.runs[1:]:
        words += ["--runs", str(_results(study, run))]
    return [*words, "-o", str(study.folder / "report" / chosen.name)]


def report(study: Study, trainings: Sequence[Training], finished: Collection[str], say: Callable[[str], None]) -> Path:
    """Compare what is done, and write the answer over all data sets.

    `report/index.html` is the answer as a page and `report/index.md` the same as text, with the study's amendments and
    what is omitted; `report/study.json` has the numbers, and `report/per_case_COMPARISON.csv` the scores.

    Returns:
        The page.

    Raises:
        StudyError: nothing can be compared yet, or a comparison failed.
    """
    found = comparisons(study, trainings, finished)
    if not found:
        raise StudyError(
            f"nothing can be compared yet: {len(finished)} of {len(trainings)} trainings are done, and a baseline and "
            "a candidate need one fold of run 1 in common; `llm4seg study status` shows what is missing."
        )
    compared = [_compare(study, chosen, say) for chosen in found]
    findings = find(study, trainings, [entry.chosen for entry in compared if not entry.failed])
    above = answer_lines(findings)
    for line in above:
        say(line)
    path = study.folder / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)  # not there if every comparison failed
    write_json(path.with_name("study.json"), without_nan(findings))
    lines = [*_heading(study, len(finished), len(trainings)), "", *above]
    for entry in compared:
        lines += _section(entry)
    _write(path.with_suffix(".md"), "\n".join(lines) + "\n")
    _write(path, render(study, findings, compared, finished=len(finished), count=len(trainings)))
    failed = [f"{entry.chosen.name}: {entry.said[0]}" for entry in compared if entry.failed]
    if failed:
        raise StudyError(f"{len(failed)} of {len(found)} comparisons failed: {'; '.join(failed)}")
    return path


def _write(path: Path, text: str) -> None:
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def _heading(study: Study, finished: int, count: int) -> list[str]:
    lines = [f"# Study {study.name}", "", f"sha256 of its file: {study.sha256}", ""]
    lines += [progress(finished, count), "", claims_in_order(study)]
    for made in amendments(study):
        lines += [
            "",
            f"The file was amended on {made['when']} after the study had begun ([difference](../{made['diff']})).",
        ]
    return lines


def _section(entry: Compared) -> list[str]:
    name = entry.chosen.name
    lines = ["", f"## {name}", "", *(f"- {line}" for line in entry.said)]
    lines += [f"- left out: {line}" for line in entry.chosen.left_out]
    return lines if entry.failed else [*lines, f"- [report]({name}/report.html)"]


def _compare(study: Study, chosen: Comparison, say: Callable[[str], None]) -> Compared:
    words = compare_words(study, chosen)
    say(shlex.join(words))
    done = _run(study, words)
    said = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        said = [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason given"]
    for line in said:
        say(f"  {line}")
    for line in chosen.left_out:
        say(f"  left out: {line}")
    return Compared(chosen, tuple(said), failed=bool(done.returncode))


def _run(study: Study, words: list[str]) -> subprocess.CompletedProcess:
    code = "from nnunet_llm4seg.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words[1:]],
        env={**os.environ, "nnUNet_results": str(_results(study, 1)), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def _results(study: Study, run: int) -> Path:
    return study.folder / "results" / f"run_{run}"
