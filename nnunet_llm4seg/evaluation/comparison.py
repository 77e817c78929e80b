"""`compare`: from nnU-Net's results folders to a folder with the report and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.datasets.groups import keys_by_name
from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation import agreement, arms, gathering, groups, statistics, wording
from nnunet_llm4seg.evaluation.commands import training_commands
from nnunet_llm4seg.evaluation.cost import measure_costs
from nnunet_llm4seg.evaluation.design import Design
from nnunet_llm4seg.evaluation.gathering import Comparison
from nnunet_llm4seg.evaluation.metrics import EMPTY_POLICY
from nnunet_llm4seg.evaluation.report import write_report
from nnunet_llm4seg.evaluation.segmentations import Labels, check_labels_occur, count_empty, describe_tolerance
from nnunet_llm4seg.nnunet.environment import dataset_folder, require_folder
from nnunet_llm4seg.nnunet.files import read_dataset, read_splits

PRIMARY = ("dice", "iou")


def compare(
    dataset: str,
    configuration: str,
    *,
    candidates: Sequence[str] = (),
    baseline: str | None = None,
    folds: Sequence[int] | None = None,
    runs: Sequence[str | Path] = (),
    output: str | Path | None = None,
    primary: str = "dice",
    tolerance: float | None = None,
    group_by: str | None = None,
    target: float = 0.8,
    allow_different: bool = False,
    command: str = "",
    report_difference: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Compare candidates with a baseline on the folds' validation cases and write the report.

    Args:
        dataset: id or full name of the data set.
        configuration: nnU-Net's configuration, for example `2d`.
        candidates: arms as TRAINER__PLANS, the main one first; by default the only LLM4Seg arm there is.
        baseline: an arm; by default the vanilla twin of the main candidate.
        folds: by default all of splits_final.json.
        runs: further results roots beside nnUNet_results; each holds one repeated run.
        output: folder to write; by default `compare_DATASET_CONFIGURATION` where the command runs.
        primary: `dice` or `iou`.
        tolerance: of the NSD in mm (pixels where files know no mm); by default 2 mm in 3D, 2 pixels in 2D.
        group_by: regular expression on case names that gives the patient, in place of groups.json.
        target: difference in points for which the number of runs needed is worked out.
        allow_different: compare arms that differ in more than the bottleneck; the report lists it.
        command: the command line to show in the report.
        report_difference: called with each difference that `allow_different` lets pass, before anything else.

    Returns:
        What comparison.json holds, and `folder`, where the report is.

    Raises:
        ComparisonError: arms are missing, unfinished, different or cannot be compared.
        DatasetError: a file of the data set is missing or not as expected.
    """
    if primary not in PRIMARY:
        raise ComparisonError(f"--primary: {primary!r} is not allowed; choose one of {', '.join(PRIMARY)}.")
    for option, value in (("--tolerance", tolerance), ("--target", target)):
        if value is not None and not 0 < value < float("inf"):
            raise ComparisonError(f"{option}: {value} is not allowed; give a number above 0.")
    roots = [require_folder("nnUNet_results"), *map(Path, runs)]
    twice = arms.same_folder_twice(roots)
    if twice is not None:
        raise ComparisonError(f"--runs: {twice} is named twice; each results root is one run.")
    preprocessed = dataset_folder("nnUNet_preprocessed", dataset)
    dataset = preprocessed.name
    splits = read_splits(preprocessed / "splits_final.json")
    chosen = arms.check_folds(folds, splits)

    names = list(candidates) or [arms.only_candidate(roots, dataset, configuration)]
    others = [arms.find_arm(roots, dataset, name, configuration) for name in names]
    base = arms.find_arm(roots, dataset, baseline or arms.vanilla_twin(others[0]), configuration)
    every = (base, *others)
    if len({arm.name for arm in every}) < len(every):
        raise ComparisonError(f"nothing to compare: an arm is named twice ({', '.join(a.name for a in every)}).")
    arms.check_roots(roots[1:], every)
    info = read_dataset(preprocessed)
    for arm in every:
        arms.check_complete(arm, chosen, splits, info["file_ending"])
        agreement.check_runs_alike(arm, configuration, chosen)
    different = [d for arm in others for d in agreement.differences(arm, base, configuration, chosen)]
    for difference in different if allow_different else ():
        report_difference(str(difference))
    if different and not allow_different:
        raise ComparisonError(
            f"the arms differ in more than the bottleneck: {'; '.join(map(str, different))}."
            " Train them alike, or compare them all the same with --allow-different."
        )

    slots = [(fold, case) for fold in chosen for case in sorted(splits[fold]["val"])]
    all_cases = {case for split in splits for part in ("train", "val") for case in split[part]}
    raw = require_folder("nnUNet_raw") / dataset
    if group_by is None:
        # groups.json of `llm4seg convert` also holds test cases and those that published splits leave out
        known = all_cases | groups.raw_cases(raw, info["file_ending"])
        clusters, rule = groups.read_groups([raw, preprocessed], known)
    else:
        clusters, rule = keys_by_name(all_cases, group_by), f"by {group_by!r} in the case names"
    trained = sum(len(splits[fold]["train"]) for fold in chosen)
    design = Design(tuple(f for f, _ in slots), tuple(case for _, case in slots), clusters, len(slots) / trained)
    if design.by_unit.shape[1] < 2:
        raise ComparisonError(
            f"nothing to compare: {len(design.case_names)} case(s) in {design.by_unit.shape[1]} cluster(s);"
            " at least two independent cases are needed, add folds or cases."
        )
    labels = Labels.from_dataset_json(info)
    truth = preprocessed / "gt_segmentations"
    measured = gathering.measure(every, slots, truth, info, labels, tolerance)
    check_labels_occur(measured[base.name][0], labels, f"fold(s) {', '.join(map(str, chosen))}")

    summary: dict[str, Any] = {
        "dataset": dataset,
        "configuration": configuration,
        "primary": primary,
        "labels": list(labels.regions),
        "baseline": base.name,
        "candidates": [arm.name for arm in others],
        "folds": chosen,
        "n_splits": len(splits),
        "cases": len(design.case_names),
        "overlapping": len(slots) > len(design.case_names),
        "clusters": {"rule": rule, "count": design.by_unit.shape[1]},
        "runs": {arm.name: len(arm.runs) for arm in every},
        "tolerance": describe_tolerance(tolerance),
        "layers": {arm.name: agreement.layer_settings(arm, configuration) for arm in every},
        "differences": [str(difference) for difference in different],
        "unrecorded": agreement.unrecorded(every, chosen),
        "empty_masks": {
            "policy": EMPTY_POLICY,
            "counts": {arm: count_empty(by_run, labels) for arm, by_run in measured.items()},
        },
        "commands": {
            "compare": command,
            "train": training_commands(every, dataset, configuration, chosen),
        },
        "versions": gathering.versions(),
        "warnings": gathering.copies(measured),
    }
    comparison = Comparison(
        every,
        design,
        labels,
        measured,
        groups.leaked_cases(splits, chosen, clusters),
        info,
        truth,
        raw / "imagesTr" if (raw / "imagesTr").is_dir() else None,
        summary,
    )
    _fill(comparison, target / 100)
    summary["costs"] = measure_costs(every, configuration, chosen[0])
    summary["notes"] = wording.notes(summary)
    summary["methods"] = wording.methods_paragraph(summary)

    folder = Path(output) if output else Path(f"compare_{dataset}_{configuration}")
    write_report(comparison, folder)
    return {**summary, "folder": str(folder)}


def _fill(comparison: Comparison, target: float) -> None:
    """Add all statistics to the summary."""
    summary, design = comparison.summary, comparison.design
    base, *others = comparison.arms
    baseline = comparison.primary(base)
    scores = {a.name: np.array([m.values for m in comparison.measured[a.name]]) for a in comparison.arms}
    summary["scores"] = {arm.name: statistics.describe_arm(comparison.primary(arm), design) for arm in comparison.arms}
    summary["baseline_against_itself"] = statistics.against_itself(baseline, design)
    summary["comparisons"] = []
    for arm in others:
        candidate = comparison.primary(arm)
        result = statistics.compare_primary(candidate, baseline, design, target=target)
        if comparison.leaked:
            result["without_leaks"] = statistics.without_leaks(candidate, baseline, design, comparison.leaked)
        summary["comparisons"].append({"candidate": arm.name, **result})
    summary["leaked_cases"] = len({case for _, case in comparison.leaked})
    statistics.adjust(summary["comparisons"])
    for result in summary["comparisons"]:
        result["verdict"] = wording.verdict(result)
        result["claim"] = wording.claim(result, summary["primary"])
    summary["sentence"] = summary["comparisons"][0]["claim"]
    summary["descriptive"] = [
        {"candidate": arm.name, **row}
        for arm in others
        for row in statistics.describe_rest(scores[arm.name], scores[base.name], design, summary["labels"])
    ]
