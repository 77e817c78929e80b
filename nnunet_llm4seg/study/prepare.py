"""What all trainings share, made once before the first: preprocessed data, plans, splits and the layers' files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nnunet_llm4seg.datasets.degradation import refuse_other
from nnunet_llm4seg.demo.process import run_logged
from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet.environment import (
    dataset_folder,
    dataset_id,
    dataset_name,
    find_dataset,
    require_folder,
    with_trainers,
)
from nnunet_llm4seg.nnunet.files import read_dataset, read_json, read_splits
from nnunet_llm4seg.nnunet.names import DATASET, SPLITS
from nnunet_llm4seg.nnunet.plans import all_entries
from nnunet_llm4seg.study.engines import LocalEngine
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.locks import held
from nnunet_llm4seg.study.trainings import DATASETS, arm_plans, baseline_plans, name_of

# nnU-Net's plans by the planner that makes them
_PLANNERS = {
    "nnUNetPlans": [],
    **{f"nnUNetResEncUNet{size}Plans": ["-pl", f"nnUNetPlannerResEnc{size}"] for size in ("M", "L", "XL")},
}


def missing(study: Study) -> list[str]:
    """What `prepare` would do, one line each; empty if everything is ready.

    Raises:
        DatasetError: a data set does not exist or a file of it is damaged.
        StudyError: a data set's splits have changed since the study began.
    """
    lines = []
    for given in study.datasets:
        name = name_of(study, given)
        folder = require_folder("nnUNet_preprocessed") / name
        lines += _to_degrade(study, given, name)
        if not _has_data(folder, baseline_plans(study), study.configuration(given)):
            lines.append(f"preprocess {name} {study.configuration(given)}")
        lines += [f"write plans {plans} of {name}" for plans in _plans_names(study) if not _is_file(folder, plans)]
        kept = find_dataset(study.folder / DATASETS, given)
        if not kept:
            lines.append(f"keep the splits of {name}")
        elif (folder / SPLITS).is_file() and read_splits(folder / SPLITS) != read_splits(kept[0] / SPLITS):
            raise StudyError(
                f"the splits in {folder / SPLITS} have changed since the study began ({kept[0] / SPLITS}); restore "
                "them, or give the study another name."
            )
    return lines


def prepare(study: Study, report: Callable[[str], None] = print) -> None:
    """Do what is missing; processes that start at the same time wait for the first of them.

    Raises:
        LLM4SegError: a data set, the plans or a layer cannot be obtained.
    """
    for given in study.datasets:
        name, configuration = name_of(study, given), study.configuration(given)
        folder = require_folder("nnUNet_preprocessed") / name
        with held(folder.parent / f".{name}.llm4seg.lock", patience_s=-1):
            _degrade(study, given, report)
            _plan(study, name, configuration, report)
            if study.plans.protocol is None:
                _preprocess(study, folder, study.plans.source, configuration, report)
            _write_plans(study, folder, configuration)
            _preprocess(study, folder, baseline_plans(study), configuration, report)
            _keep_splits(study, folder, configuration)
    _get_layers(study, report)


def _to_degrade(study: Study, given: str, name: str) -> list[str]:
    made = study.degraded.get(given)
    if made is None:
        return []
    folder, source = require_folder("nnUNet_raw") / name, dataset_name(made.source)
    if folder.is_dir():
        refuse_other(folder, source, made.how)
        return []
    return [f"make {name} from {source}"]


def _degrade(study: Study, given: str, report: Callable[[str], None]) -> None:
    made = study.degraded.get(given)
    if made is not None:
        from nnunet_llm4seg.datasets.degrade import degrade

        folder, lines = degrade(dataset_name(made.source), int(given), made.how)
        for line in [f"{folder}:", *lines]:
            report(line)


def _plans_names(study: Study) -> list[str]:
    return list(dict.fromkeys([baseline_plans(study), *(arm_plans(study, arm) for arm in study.arms)]))


def _is_file(folder: Path, plans: str) -> bool:
    return (folder / f"{plans}.json").is_file()


def _has_data(folder: Path, plans: str, configuration: str) -> bool:
    """Whether every training case is preprocessed; nnU-Net writes a case's .pkl last."""
    if not _is_file(folder, plans) or not (folder / DATASET).is_file():
        return False
    entries = all_entries(read_json(folder / f"{plans}.json"), configuration)
    if not entries:
        raise DatasetError(
            f"configuration: {plans} of {folder.name} has no {configuration!r}; correct `configuration:`."
        )
    cases = len(list((folder / entries["data_identifier"]).glob("*.pkl")))
    return cases > 0 and cases >= int(read_dataset(folder).get("numTraining", 0))


def _plan(study: Study, name: str, configuration: str, report: Callable[[str], None]) -> None:
    source = study.plans.source
    if _is_file(require_folder("nnUNet_preprocessed") / name, source):
        return
    dataset_folder("nnUNet_raw", name)
    if source not in _PLANNERS:
        raise DatasetError(
            f"plans: there are no {source} of {name}; plan it with `nnUNetv2_plan_experiment`, or name one of "
            f"{', '.join(_PLANNERS)} in `plans:`."
        )
    words = ["nnUNetv2_plan_and_preprocess", "-d", str(dataset_id(name)), "--verify_dataset_integrity", "--no_pp"]
    words += ["-npfp", str(_processes(study)), *_PLANNERS[source]]
    _nnunet(study, words, f"plan_{name}", report)


def _preprocess(study: Study, folder: Path, plans: str, configuration: str, report: Callable[[str], None]) -> None:
    if _has_data(folder, plans, configuration):
        return
    words = ["nnUNetv2_preprocess", "-d", str(dataset_id(folder.name)), "-plans_name", plans, "-c", configuration]
    words += ["-np", str(_processes(study))]
    _nnunet(study, words, f"preprocess_{folder.name}_{configuration}", report)
    if not _has_data(folder, plans, configuration):
        raise DatasetError(
            f"{folder.name} has fewer preprocessed cases than numTraining in its dataset.json says, after "
            f"`{' '.join(words)}`; see {study.folder / 'logs'}."
        )


def _processes(study: Study) -> int:
    """At most nnU-Net's own 8, and no more than there are cores."""
    cores = study.engine.cores if isinstance(study.engine, LocalEngine) else study.engine.cpus
    return max(1, min(8, cores or os.cpu_count() or 1))


def _nnunet(study: Study, words: list[str], name: str, report: Callable[[str], None]) -> None:
    log = study.folder / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    report(f"{' '.join(words)}  (log: {log})")
    environment = {**os.environ, "nnUNet_extTrainer": with_trainers(os.environ.get("nnUNet_extTrainer"))}
    code = run_logged(words, environment, log, lambda line: None)
    if code:
        raise DatasetError(f"`{' '.join(words)}` ended with exit code {code}; its log is {log}.")


def _write_plans(study: Study, folder: Path, configuration: str) -> None:
    from nnunet_llm4seg.plans.backbones import write_backbone_pair
    from nnunet_llm4seg.plans.make import write_plans
    from nnunet_llm4seg.plans.protocol import Pair, write_pair
    from nnunet_llm4seg.plans.smaller import write_smaller

    chosen = study.plans
    if chosen.features is not None or chosen.convolutions is not None:
        write_smaller(
            folder,
            configuration,
            features=chosen.features,
            convolutions=chosen.convolutions,
            source=chosen.source,
            name=baseline_plans(study),
        )
    for arm in study.arms:
        name = arm_plans(study, arm)
        if arm.fields is None:
            continue
        if chosen.backbone is None and chosen.protocol is None:
            write_plans(folder, [configuration], arm.fields, source=baseline_plans(study), name=name)
            continue
        write: Callable[..., Pair] = write_pair
        if chosen.backbone is not None:
            write = partial(write_backbone_pair, backbone=chosen.backbone)
        pair = write(
            folder,
            [configuration],
            arm.fields,
            protocol=chosen.protocol,
            source=chosen.source,
            name=name,
            token_grid=chosen.token_grid,
        )
        if pair.baseline.stem != baseline_plans(study):
            raise StudyError(f"plans: {pair.baseline.stem} was written where {baseline_plans(study)} was expected.")


def _keep_splits(study: Study, folder: Path, configuration: str) -> None:
    """Make the splits that nnU-Net would (folds that start at the same time would all write them), and keep a copy."""
    path = folder / SPLITS
    if not path.is_file():
        write_json(path, _default_splits(folder, baseline_plans(study), configuration))
    kept = study.folder / DATASETS / folder.name
    kept.mkdir(parents=True, exist_ok=True)
    for name in (SPLITS, DATASET):
        if not (kept / name).is_file():
            with written_whole(kept / name) as part:
                shutil.copyfile(folder / name, part)


def _default_splits(folder: Path, plans: str, configuration: str) -> list[dict[str, list[str]]]:
    from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    data = folder / all_entries(read_json(folder / f"{plans}.json"), configuration)["data_identifier"]
    names = sorted(infer_dataset_class(str(data)).get_identifiers(str(data)))
    splits = generate_crossval_split(names, seed=12345, n_splits=5)
    return [{part: [str(case) for case in split[part]] for part in ("train", "val")} for split in splits]


def _get_layers(study: Study, report: Callable[[str], None]) -> None:
    """Get each arm's layer onto this machine: what cannot be obtained is reported before the first training."""
    from nnunet_llm4seg.llm.source import prepare_layer

    before = Path.cwd()
    os.chdir(study.base if study.base.is_dir() else before)  # where relative names of models are looked up
    try:
        for arm in study.arms:
            if arm.config is not None:
                report(f"layer of {arm.name}: {arm.config.model}, {arm.config.weights}, {arm.config.layers}")
                prepare_layer(arm.config)
    finally:
        os.chdir(before)
