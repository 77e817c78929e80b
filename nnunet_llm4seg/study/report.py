"""`report`: `llm4seg compare` per data set and baseline, on what is done; what is omitted is named."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.study.arms import Arm
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.folder import amendments
from nnunet_llm4seg.study.trainings import StudyData, Training, arm_plans, arm_trainer


@dataclass(frozen=True)
class Comparison:
    """One call of `compare`.

    Attributes:
        runs: Numbers of the repeated runs; the first is 1.
        left_out: A sentence per arm, fold or run that is not complete.
    """

    data: StudyData
    baseline: Arm
    candidates: tuple[Arm, ...]
    folds: tuple[int, ...]
    runs: tuple[int, ...]
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.data.name}_{self.data.configuration}_against_{self.baseline.name}"


def ladders(study: Study) -> list[tuple[Arm, tuple[Arm, ...]]]:
    """Baselines with their candidates: the claims in the file's order, then all other arms against the first."""
    by_name = {arm.name: arm for arm in study.arms}
    first = study.arms[0]
    found: dict[str, list[Arm]] = {}
    for claim in study.claims:
        found.setdefault(claim.baseline, []).append(by_name[claim.candidate])
    claimed = {first.name, *(arm.name for arms in found.values() for arm in arms), *found}
    rest = [arm for arm in study.arms if arm.name not in claimed]
    if rest:
        found.setdefault(first.name, []).extend(rest)
    return [(by_name[name], tuple(arms)) for name, arms in found.items()]


def comparisons(study: Study, trainings: Sequence[Training], finished: Collection[str]) -> list[Comparison]:
    """What can be compared now: the folds of run 1 that all arms have, and further runs that are complete in them.

    Args:
        finished: Keys of the trainings that are done.
    """
    done = {(t.data.name, t.arm.name, t.run, t.fold) for t in trainings if t.key in finished}
    found = []
    for data in dict.fromkeys(training.data for training in trainings):
        folds = tuple(dict.fromkeys(t.fold for t in trainings if t.data == data))
        for baseline, candidates in ladders(study):
            chosen = _choose(study, data, folds, baseline, candidates, done)
            if chosen is not None:
                found.append(chosen)
    return found


def _choose(
    study: Study,
    data: StudyData,
    folds: tuple[int, ...],
    baseline: Arm,
    candidates: tuple[Arm, ...],
    done: Collection[tuple[str, str, int, int]],
) -> Comparison | None:
    def have(arm: Arm, run: int) -> set[int]:
        return {fold for fold in folds if (data.name, arm.name, run, fold) in done}

    common, kept, left_out = have(baseline, 1), [], []
    for arm in candidates:
        if common & have(arm, 1):
            common &= have(arm, 1)
            kept.append(arm)
        else:
            left_out.append(f"{arm.name}: no fold of run 1 is done in it and in the other arms")
    if not kept:
        return None
    missing = [str(fold) for fold in folds if fold not in common]
    if missing:
        left_out.append(f"fold(s) {', '.join(missing)}: not done in all of these arms")
    runs = [1]
    for run in range(2, study.runs + 1):
        if all(common <= have(arm, run) for arm in (baseline, *kept)):
            runs.append(run)
        else:
            left_out.append(f"run {run}: not done in all of these arms and folds")
    return Comparison(data, baseline, tuple(kept), tuple(sorted(common)), tuple(runs), tuple(left_out))


def compare_words(study: Study, chosen: Comparison) -> list[str]:
    """The command, to be run with nnUNet_results set to the first run's results."""

    def name(arm: Arm) -> str:
        return f"{arm_trainer(study, arm)}__{arm_plans(study, arm)}"

    words = ["llm4seg", "compare", chosen.data.name, chosen.data.configuration, "--baseline", name(chosen.baseline)]
    for arm in chosen.candidates:
        words += ["--candidate", name(arm)]
    for fold in chosen.folds:
        words += ["--folds", str(fold)]
    for run in chosen.runs[1:]:
        words += ["--runs", str(_results(study, run))]
    return [*words, "-o", str(study.folder / "report" / chosen.name)]


def report(study: Study, trainings: Sequence[Training], finished: Collection[str], say: Callable[[str], None]) -> Path:
    """Compare what is done, and write `report/index.md`, which names the study, its amendments and what is omitted.

    Raises:
        StudyError: nothing can be compared yet, or a comparison failed.
    """
    found = comparisons(study, trainings, finished)
    if not found:
        raise StudyError(
            f"nothing can be compared yet: {len(finished)} of {len(trainings)} trainings are done, and a baseline and "
            "a candidate need one fold of run 1 in common; `llm4seg study status` shows what is missing."
        )
    lines = _heading(study, len(finished), len(trainings))
    failed = []
    for chosen in found:
        words = compare_words(study, chosen)
        say(shlex.join(words))
        done = _compare(study, words)
        claims = [line for line in done.stdout.splitlines() if line.strip()]
        if done.returncode:
            claims = [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason given"]
            failed.append(f"{chosen.name}: {claims[0]}")
        for line in claims:
            say(f"  {line}")
        for line in chosen.left_out:
            say(f"  left out: {line}")
        lines += ["", f"## {chosen.name}", ""]
        lines += [f"- {line}" for line in claims] + [f"- left out: {line}" for line in chosen.left_out]
        lines += [f"- [report]({chosen.name}/report.html)"] if not done.returncode else []
    path = study.folder / "report" / "index.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if failed:
        raise StudyError(f"{len(failed)} of {len(found)} comparisons failed: {'; '.join(failed)}")
    return path


def _heading(study: Study, finished: int, count: int) -> list[str]:
    lines = [f"# Study {study.name}", "", f"sha256 of its file: {study.sha256}", ""]
    interim = "" if finished == count else "; this is an interim look, which counts as one"
    lines += [f"{finished} of {count} trainings are done{interim}.", ""]
    lines += [f"Claims, fixed in the file in this order: {', '.join(map(str, study.claims)) or 'none'}."]
    for made in amendments(study):
        lines += [
            "",
            f"The file was amended on {made['when']} after the study had begun ([difference](../{made['diff']})).",
        ]
    return lines


def _compare(study: Study, words: list[str]) -> subprocess.CompletedProcess:
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
