"""The steps of the demo: which commands, on which data, with which options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.demo import own_data, scores, smollm2, synthetic
from nnunet_llm4seg.demo.picture import draw
from nnunet_llm4seg.demo.steps import Step
from nnunet_llm4seg.nnunet.environment import FOLDERS, TRAINERS, with_trainers
from nnunet_llm4seg.nnunet.names import HELD_OUT_IMAGES, HELD_OUT_LABELS, SUMMARY, VALIDATION

SEED = 20250622
ARMS = {"vanilla": "nnUNetTrainerVanilla_demo", "LLM4Seg": "nnUNetTrainerLLM4Seg_demo"}
_DATASET, _CONVERTED = 1, 2  # numbers of the demo's data sets, in its own folders
_PICTURED = 4


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One demo in one folder.

    Attributes:
        folder: Contains everything that the demo writes.
        data: The user's images, or None for synthetic ones.
        model, layer: The language model as `llm4seg plan` takes it, or both None for SmolLM2's layer 14.
        arms: Name of each arm -> its trainer.
        cases, size: How many synthetic training and held-out cases, and their height and width in pixels.
    """

    folder: Path
    data: Path | None = None
    model: str | None = None
    layer: int | None = None
    arms: tuple[tuple[str, str], ...] = tuple(ARMS.items())
    cases: tuple[int, int] = (40, 10)
    size: int = 128

    @property
    def dataset(self) -> str:
        return f"Dataset{_DATASET:03d}_{'SyntheticUltrasound' if self.data is None else 'YourImages'}"

    @property
    def raw(self) -> Path:
        return self.folder / "nnUNet_raw" / self.dataset

    @property
    def report(self) -> Path:
        return self.folder / "report" / "report.html"

    def predictions(self) -> dict[str, Path]:
        return {arm: self.folder / "predictions" / arm for arm, _ in self.arms}

    def variables(self) -> dict[str, str]:
        """What nnU-Net's commands need in this folder, and what makes them quick on small machines."""
        return {
            **{name: str(self.folder / name) for name in FOLDERS},
            TRAINERS: with_trainers(os.environ.get(TRAINERS)),
            "nnUNet_compile": "f",  # compiling takes longer than such a short training saves
            "nnUNet_def_n_proc": "1",
            "nnUNet_n_proc_DA": "2",
            # PyTorch threads spin while they wait; on few cores, shared with nnU-Net's workers, it is 10 times slower
            "OMP_WAIT_POLICY": "PASSIVE",
        }


def plan_fields(demo: Demo) -> dict[str, str]:
    """The options of `llm4seg plan`. Layers without rotary tables, such as BERT's, allow only one choice.

    Raises:
        LLM4SegError: the model is not found, or has no such layer.
    """
    if demo.model is None or demo.layer is None:
        model, layer = str(smollm2.checked_model_file()), smollm2.LAYER
    else:
        model, layer = demo.model, demo.layer
        if Path(model).expanduser().exists():
            model = str(Path(model).expanduser().resolve())
    from nnunet_llm4seg.llm.description import describe_layer
    from nnunet_llm4seg.llm.locate import locate_config

    LLM4SegConfig(model=model, layer=layer)
    fields = {"model": model, "layer": str(layer)}
    if not describe_layer(locate_config(model, None, layer), layer).rotary_size:
        fields |= {"attention": "bidirectional", "positions": "none"}
    return fields


def recipe(demo: Demo, layout: str | None, fields: dict[str, str]) -> list[Step]:
    """The steps in order.

    Args:
        layout: Of the user's images, see `own_data.layout_of`; None for synthetic ones.
        fields: See `plan_fields`.
    """
    preprocessed = demo.folder / "nnUNet_preprocessed" / demo.dataset
    device = _device()
    plans, options = "nnUNetPlans", []
    workers = "1" if layout is None else "2"  # each imports PyTorch, which takes longer than a few small images
    if layout == "raw":  # images of any size: nnU-Net plans for little memory, so that a CPU can train too
        plans = "nnUNetPlans_demo"
        options = ["-gpu_memory_target", "1", "-overwrite_plans_name", plans]
    number = str(_DATASET)
    steps = _data_steps(demo, layout)
    steps += [
        Step(
            name="preprocess",
            title="nnU-Net plans and preprocesses",
            product=preprocessed,
            command=(
                *("nnUNetv2_plan_and_preprocess", "-d", number, "-c", "2d"),
                *("-np", workers, "-npfp", workers, *options),
            ),
        ),
        Step(
            name="plan",
            title="The LLM layer is written into a copy of nnU-Net's plans",
            product=preprocessed / f"{plans}_LLM4Seg.json",
            command=(
                *("llm4seg", "plan", demo.dataset, "-c", "2d", "-p", plans),
                *(word for field, value in fields.items() for word in (f"--{field}", value)),
            ),
        ),
    ]
    arms = [
        (arm, trainer, plans if index == 0 else f"{plans}_LLM4Seg") for index, (arm, trainer) in enumerate(demo.arms)
    ]
    for arm, trainer, p in arms:
        fold = demo.folder / "nnUNet_results" / demo.dataset / f"{trainer}__{p}__2d" / "fold_0"
        steps.append(
            Step(
                name=f"train-{arm}",
                title=f"{arm} is trained{_budget(trainer)}",
                product=fold / VALIDATION / SUMMARY,
                command=("nnUNetv2_train", number, "2d", "0", "-tr", trainer, "-p", p, "-device", device),
                checkpoints=fold,
            )
        )
    for arm, trainer, p in arms:
        steps.append(
            Step(
                name=f"predict-{arm}",
                title=f"{arm} predicts the held-out cases",
                product=demo.predictions()[arm],
                command=(
                    *("nnUNetv2_predict", "-i", str(demo.raw / HELD_OUT_IMAGES), "-o", str(demo.predictions()[arm])),
                    *("-d", number, "-c", "2d", "-f", "0", "-tr", trainer, "-p", p),
                    *("-device", device, "-npp", "0", "-nps", "0"),
                ),
            )
        )
    compare = Step(
        name="compare",
        title="Table and picture",
        product=demo.folder / "comparison.png",
        action=partial(_compare, demo),
    )
    (vanilla, vanilla_plans), (candidate, candidate_plans) = ((trainer, p) for _, trainer, p in arms)
    report = Step(
        name="report",
        title="The comparison report, on the validation cases",
        product=demo.report,
        command=(
            *("llm4seg", "compare", demo.dataset, "2d", "--folds", "0", "-o", str(demo.report.parent)),
            *("--baseline", f"{vanilla}__{vanilla_plans}", "--candidate", f"{candidate}__{candidate_plans}"),
        ),
    )
    return [*steps, compare, report]


def _data_steps(demo: Demo, layout: str | None) -> list[Step]:
    if demo.data is None:
        training, held_out = demo.cases
        numbers = {"training": training, "held_out": held_out, "size": demo.size, "seed": SEED}
        make = partial(synthetic.write_dataset, demo.raw, **numbers)
        title = f"{training} training and {held_out} held-out synthetic images of {demo.size}x{demo.size} pixels"
        return [Step(name="data", title=title, product=demo.raw, action=make)]
    steps, source = [], demo.data
    if layout == "folder":
        from nnunet_llm4seg.datasets.folder import read_folder

        source = demo.raw.with_name(f"Dataset{_CONVERTED:03d}_{read_folder(demo.data).name}")
        convert = ("llm4seg", "convert", "folder", str(demo.data), "-d", str(_CONVERTED), "--size", str(demo.size))
        title = f"Your images are converted, at {demo.size}x{demo.size} pixels"
        steps.append(Step(name="convert", title=title, product=source, command=convert))
    title = f"Up to {own_data.TRAINING} training and {own_data.HELD_OUT} held-out cases of your images are copied"
    take = partial(own_data.write_part, source, demo.raw, seed=SEED)
    return [*steps, Step(name="data", title=title, product=demo.raw, action=take)]


def _budget(trainer: str) -> str:
    from nnunet_llm4seg.trainer.variants import SHORT_TRAINERS

    if trainer not in SHORT_TRAINERS:
        return ""
    found = SHORT_TRAINERS[trainer]
    return f": {found.epochs} epochs of {found.iterations} iterations"


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _compare(demo: Demo) -> None:
    arms, truths, table = demo.predictions(), demo.raw / HELD_OUT_LABELS, demo.folder / "scores.csv"
    scores.score(truths, arms, table)
    kind = "Synthetic images" if demo.data is None else "A few of your images"
    caption = f"{kind}, a training of minutes: this shows that everything works, not that one arm is better"
    draw(demo.raw, arms, scores.held_out_cases(truths)[:_PICTURED], table, caption, demo.folder / "comparison.png")
