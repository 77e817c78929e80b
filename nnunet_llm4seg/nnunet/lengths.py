"""How long a training is, by the suffix of its trainer's name: nnU-Net's own lengths, and our `_smoke`."""

from __future__ import annotations

DEFAULT_EPOCHS = 1000
SUFFIXED_EPOCHS = (1, 5, 10, 20, 50, 100, 250, 500, 750, 2000, 4000, 8000)
SMOKE = "smoke"
# lengths for which both arms of every recipe have a trainer
RECIPE_EPOCHS = (50, 100, 250, SMOKE)


def trainer_suffix(epochs: int | str) -> str | None:
    """The suffix of the trainers that train for `epochs` (a number or `smoke`), or None if there are none.

    >>> trainer_suffix(250), trainer_suffix(1), trainer_suffix(1000), trainer_suffix("smoke"), trainer_suffix(68)
    ('_250epochs', '_1epoch', '', '_smoke', None)
    """
    if epochs == SMOKE:
        return f"_{SMOKE}"
    if epochs == DEFAULT_EPOCHS:
        return ""
    if epochs not in SUFFIXED_EPOCHS:
        return None
    return f"_{epochs}epoch" + ("" if epochs == 1 else "s")


def vanilla_trainer(epochs: int | str) -> str:
    """nnU-Net's own trainer of that length; the one of four iterations is ours."""
    return f"nnUNetTrainer{'Vanilla' if epochs == SMOKE else ''}{trainer_suffix(epochs)}"


def llm4seg_trainer(epochs: int | str) -> str:
    """The trainer of that length that takes all its settings from the plans."""
    return f"nnUNetTrainerLLM4Seg{trainer_suffix(epochs)}"


def recipe_trainer(recipe: str, epochs: int | str, layer: bool) -> str:
    """The trainer of one of `trainer.recipes`, with or without the layer; see `RECIPE_EPOCHS`.

    >>> recipe_trainer("AdamW", 50, layer=False)
    'nnUNetTrainerVanillaAdamW_50epochs'
    """
    return f"nnUNetTrainer{'LLM4Seg' if layer else 'Vanilla'}{recipe}{trainer_suffix(epochs)}"


def planned_epochs(epochs: int | str) -> int:
    """The number of epochs that such a training has in its log; a smoke training has one."""
    return 1 if epochs == SMOKE else int(epochs)
