"""The first step of a comparison: which arms, folds and cases are compared, and whether they can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.datasets.groups import keys_by_name
from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms import find, leaks
from nnunet_llm4seg.evaluation.arms.copies import check_checkpoints_differ
from nnunet_llm4seg.evaluation.arms.differences import Difference, check_runs_alike, differences
from nnunet_llm4seg.evaluation.arms.rivals import is_the_network
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.arms.trained_on import check_numbers, check_once, newer_splits
from nnunet_llm4seg.evaluation.arms.twins import vanilla_twin
from nnunet_llm4seg.nnunet import names
from nnunet_llm4seg.nnunet.environment import dataset_folder, require_folder
from nnunet_llm4seg.nnunet.files import read_dataset, read_splits


@dataclass(frozen=True)
class Chosen:
    """What is compared.

    Attributes:
        dataset: full name of the data set.
        arms: the baseline first, then the candidates, the main one first.
        folds: numbers of the folds.
        splits: content of splits_final.json.
        info: content of dataset.json.
        clusters: case -> cluster, for cases that belong to one.
        cluster_rule: how the clusters were found; None if there was no search for them.
        references: folder of the reference segmentations.
        images: imagesTr of the raw data set; None if it does not exist.
        different: settings other than the bottleneck in which the arms differ.
        omitted_folds: for each fold that is not compared because not all runs have finished it, a sentence on which.
        assumed: sentences on what no file tells.
    """

    dataset: str
    configuration: str
    arms: tuple[Arm, ...]
    folds: tuple[int, ...]
    splits: Sequence[Mapping[str, Any]]
    info: Mapping[str, Any]
    clusters: Mapping[str, str]
    cluster_rule: str | None
    references: Path
    images: Path | None
    different: tuple[Difference, ...]
    omitted_folds: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def baseline(self) -> Arm:
        return self.arms[0]

    @property
    def candidates(self) -> tuple[Arm, ...]:
        return self.arms[1:]

    @property
    def ending(self) -> str:
        return self.info["file_ending"]

    @property
    def validated(self) -> list[tuple[int, str]]:
        """The slots of the comparison: (fold, case), sorted."""
        return [(fold, case) for fold in self.folds for case in sorted(self.splits[fold]["val"])]


def choose_arms(
    dataset: str,
    configuration: str,
    *,
    candidates: Sequence[str] = (),
    baseline: str | None = None,
    folds: Sequence[int | str] | None = None,
    runs: Sequence[str | Path] = (),
    group_by: str | None = None,
    allow_different: bool = False,
    report_difference: Callable[[str], None] = lambda text: None,
) -> Chosen:
    """Find the arms and check that they can be compared; arguments and errors as in `compare`."""
    roots = [require_folder("nnUNet_results"), *map(Path, runs)]
    twice = find.same_folder_twice(roots)
    if twice is not None:
        raise ComparisonError(f"--runs: {twice} is named twice; each results root is one run.")
    preprocessed = dataset_folder("nnUNet_preprocessed", dataset)
    dataset = preprocessed.name
    splits = read_splits(preprocessed / names.SPLITS)
    asked = None if folds is None else find.check_folds(folds, splits)

    wanted = list(candidates) or [find.only_candidate(roots, dataset, configuration)]
    others = [find.find_arm(roots, dataset, name, configuration) for name in wanted]
    baseline = baseline or _trained_twin(others[0], roots, dataset, configuration)
    base = find.find_arm(roots, dataset, baseline, configuration)
    every = (base, *others)
    if len({arm.name for arm in every}) < len(every):
        raise ComparisonError(f"nothing to compare: an arm is named twice ({', '.join(a.name for a in every)}).")
    find.check_roots(roots[1:], every)
    info = read_dataset(preprocessed)
    chosen, omitted = (asked, []) if asked is not None else find.common_folds(every, len(splits))
    check_once(splits, chosen)
    for arm in every:
        check_numbers(arm, chosen, splits)
        find.check_complete(arm, chosen, splits, info["file_ending"])
        check_runs_alike(arm, configuration, chosen)
        check_checkpoints_differ(arm, chosen)
    different = [d for arm in others for d in differences(arm, base, configuration, chosen)]
    refused = [d for d in different if not (baseline and is_the_network(d, base, configuration))]
    if refused and not allow_different:
        raise ComparisonError(
            f"the arms differ in more than the bottleneck: {'; '.join(map(str, refused))}."
            " Train them alike, or compare them anyway with --allow-different."
        )
    for difference in different:
        report_difference(str(difference))
    raw = require_folder("nnUNet_raw") / dataset
    clusters, rule = _clusters(raw, preprocessed, splits, info["file_ending"], group_by)
    images = raw / names.TRAINING_IMAGES
    return Chosen(
        dataset,
        configuration,
        every,
        tuple(chosen),
        splits,
        info,
        clusters,
        rule,
        preprocessed / names.REFERENCES,
        images if images.is_dir() else None,
        tuple(different),
        tuple(omitted),
        tuple(newer_splits(every, chosen, preprocessed / names.SPLITS)),
    )


def _trained_twin(candidate: Arm, roots: Sequence[Path], dataset: str, configuration: str) -> str:
    twin = vanilla_twin(candidate)
    trained = find.all_arms(roots, dataset, configuration)
    if twin not in trained:
        trainer, plans = twin.split("__")
        raise ComparisonError(
            f"--baseline: the vanilla twin of {candidate.name} is {twin}, which is not trained; train it with"
            f" `nnUNetv2_train {dataset} {configuration} FOLD -tr {trainer} -p {plans}`, or name another baseline of"
            f" {', '.join(trained)}."
        )
    return twin


def _clusters(
    raw: Path, preprocessed: Path, splits: Sequence[Mapping[str, Any]], ending: str, group_by: str | None
) -> tuple[dict[str, str], str | None]:
    cases = {case for split in splits for part in ("train", "val") for case in split[part]}
    if group_by is not None:
        return keys_by_name(cases, group_by), f"by '{group_by}' in the case names"
    # groups.json of `llm4seg convert` also contains test cases and those that published splits omit
    return leaks.read_groups([raw, preprocessed], cases | leaks.raw_cases(raw, ending))
