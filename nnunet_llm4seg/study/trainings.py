"""All trainings of a study in their order, and where each one's files are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.errors import StudyError, nearest
from nnunet_llm4seg.nnunet.environment import dataset_name, find_dataset, require_folder
from nnunet_llm4seg.nnunet.files import read_dataset, read_splits
from nnunet_llm4seg.nnunet.lengths import RECIPE_EPOCHS, llm4seg_trainer, recipe_trainer, vanilla_trainer
from nnunet_llm4seg.nnunet.names import SPLITS
from nnunet_llm4seg.study.arms import Arm
from nnunet_llm4seg.study.file import Study

_DEFAULT_FOLDS = 5  # nnU-Net's number, if there are no other splits
DATASETS = "datasets"


@dataclass(frozen=True)
class StudyData:
    """A data set of a study.

    Attributes:
        folds: Validation cases per fold; None if the data set is not planned yet.
        ending: `file_ending` of its dataset.json; empty if the data set is not planned yet.
    """

    name: str
    configuration: str
    folds: tuple[tuple[str, ...], ...] | None
    ending: str


@dataclass(frozen=True)
class Training:
    """One fold of one arm, in one repeated run."""

    root: Path
    run: int
    arm: Arm
    data: StudyData
    fold: int
    trainer: str
    plans: str

    @property
    def key(self) -> str:
        """Its name in the study, unique; also the path of `folder`."""
        return f"run_{self.run}/{self.data.name}/{self.arm.name}/fold_{self.fold}"

    @property
    def folder(self) -> Path:
        """The study's own files about it: logs of its attempts, its lock."""
        return self.root / "trainings" / self.key

    @property
    def results(self) -> Path:
        """nnUNet_results of its run."""
        return self.root / "results" / f"run_{self.run}"

    @property
    def fold_folder(self) -> Path:
        """Where nnU-Net writes it."""
        model = f"{self.trainer}__{self.plans}__{self.data.configuration}"
        return self.results / self.data.name / model / f"fold_{self.fold}"

    @property
    def cases(self) -> tuple[str, ...]:
        """Its validation cases; none if the data set is not planned yet."""
        return self.data.folds[self.fold] if self.data.folds else ()


def baseline_plans(study: Study) -> str:
    """Name of the plans of the arm without a layer."""
    plans = study.plans
    name = plans.source
    if plans.protocol:
        name += f"_{plans.protocol}"
    if plans.backbone:
        name += f"_{plans.backbone}"
    if plans.features:
        name += f"_features{plans.features[0]}to{plans.features[1]}"
    if plans.convolutions:
        name += f"_convolutions{plans.convolutions}"
    return name + (f"_grid{plans.token_grid}" if plans.token_grid else "")


def arm_plans(study: Study, arm: Arm) -> str:
    """Name of an arm's plans; it contains the study's, so that studies on the same data set do not collide."""
    return baseline_plans(study) if arm.fields is None else f"{baseline_plans(study)}_{study.name}_{arm.name}"


def arm_trainer(study: Study, arm: Arm) -> str:
    """Name of an arm's trainer: nnU-Net's way of training, or the one with which the backbone was published.

    Raises:
        StudyError: there is no such backbone, or no trainer of that length for it.
    """
    if study.plans.backbone:
        return recipe_trainer(_recipe(study.plans.backbone, study.epochs), study.epochs, arm.fields is not None)
    return vanilla_trainer(study.epochs) if arm.fields is None else llm4seg_trainer(study.epochs)


def _recipe(name: str, epochs: int | str) -> str:
    from nnunet_llm4seg.plans.backbones import BACKBONES

    if name not in BACKBONES:
        raise StudyError(f"plans: backbone: there is no {name!r}{nearest(name, BACKBONES)}")
    if epochs not in RECIPE_EPOCHS:
        raise StudyError(
            f"epochs: {epochs!r} is not allowed with a backbone; choose {', '.join(map(str, RECIPE_EPOCHS))}."
        )
    return BACKBONES[name].recipe


def list_trainings(study: Study, data: Sequence[StudyData] | None = None) -> list[Training]:
    """Run 1 of all arms and folds, then run 2, so that an early report is about all arms.

    Raises:
        StudyError: a fold does not exist.
        DatasetError: a data set is neither in the study's folder nor in nnU-Net's.
    """
    return [
        Training(study.folder, run, arm, each, fold, arm_trainer(study, arm), arm_plans(study, arm))
        for run in range(1, study.runs + 1)
        for each in (read_data(study) if data is None else data)
        for arm in study.arms
        for fold in folds_of(study, each)
    ]


def folds_of(study: Study, data: StudyData) -> tuple[int, ...]:
    """The folds of a data set that the study trains.

    Raises:
        StudyError: one does not exist.
    """
    count = len(data.folds) if data.folds else _DEFAULT_FOLDS
    for fold in study.folds or ():
        if fold >= count:
            raise StudyError(f"folds: {data.name} has no fold {fold}; its folds are 0 to {count - 1}.")
    return study.folds or tuple(range(count))


def read_data(study: Study) -> list[StudyData]:
    """The data sets, from the copies of their splits in the study's folder, else from nnU-Net's folders.

    Raises:
        DatasetError: a data set is in neither, or a file of it is damaged.
        StudyError: a data set is given twice.
    """
    found = [_read_one(study, given) for given in study.datasets]
    names = [data.name for data in found]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"datasets: {name} is named twice; name it once.")
    return found


def name_of(study: Study, given: str) -> str:
    """The full name of a data set; one that the study makes need not be there yet.

    Raises:
        DatasetError: it, or its source, is in neither of nnU-Net's folders.
    """
    made = study.degraded.get(given)
    return dataset_name(given) if made is None else made.how.folder_name(int(given), dataset_name(made.source))


def _read_one(study: Study, given: str) -> StudyData:
    configuration = study.configuration(given)
    kept = find_dataset(study.folder / DATASETS, given)
    if len(kept) == 1:
        return _planned(kept[0], configuration)
    name = name_of(study, given)
    folder = require_folder("nnUNet_preprocessed") / name
    if not (folder / SPLITS).is_file():
        return StudyData(name, configuration, None, "")
    return _planned(folder, configuration)


def _planned(folder: Path, configuration: str) -> StudyData:
    splits = read_splits(folder / SPLITS)
    ending = read_dataset(folder)["file_ending"]
    return StudyData(folder.name, configuration, tuple(tuple(split["val"]) for split in splits), ending)


def select(
    trainings: Iterable[Training], arms: Sequence[str] = (), folds: Sequence[int] = (), runs: Sequence[int] = ()
) -> list[Training]:
    """The trainings of some arms, folds and runs; an empty choice is all.

    Raises:
        StudyError: one of those named does not exist.
    """
    every = list(trainings)
    for option, wanted, known in (
        ("--arm", arms, {training.arm.name for training in every}),
        ("--fold", folds, {training.fold for training in every}),
        ("--run", runs, {training.run for training in every}),
    ):
        for value in wanted:
            if value not in known:
                listed = ", ".join(map(str, sorted(known, key=str)))
                raise StudyError(f"{option}: {value!r} is not in this study; choose from {listed}.")
    return [
        training
        for training in every
        if (not arms or training.arm.name in arms)
        and (not folds or training.fold in folds)
        and (not runs or training.run in runs)
    ]


def find(trainings: Iterable[Training], key: str) -> Training:
    """The training of that key.

    Raises:
        StudyError: there is no such training.
    """
    for training in trainings:
        if training.key == key:
            return training
    raise StudyError(f"{key}: there is no such training in this study; `llm4seg study status` lists them.")
