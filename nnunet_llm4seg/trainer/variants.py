"""The table of trainers. Their names are for ever: checkpoints and results folders hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.demo import (
    nnUNetTrainerLLM4Seg_demo,
    nnUNetTrainerLLM4Seg_smoke,
    nnUNetTrainerVanilla_demo,
    nnUNetTrainerVanilla_smoke,
)

# name after nnUNetTrainerLLM4Seg -> the fields that the variant sets
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "DeepSeek": {"model": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "layer": 27},
    "Trainable": {"trainable": True},
    "Random": {"weights": "random"},
    "RandomTrainable": {"weights": "random", "trainable": True},
    "Shuffled": {"weights": "shuffled"},
    "Gated": {"residual": "gated", "attention": "bidirectional", "positions": "axial"},
}

# nnU-Net's own suffixes for other training lengths
EPOCHS: dict[str, int | None] = {
    "": None,
    "_1epoch": 1,
    "_5epochs": 5,
    "_10epochs": 10,
    "_20epochs": 20,
    "_50epochs": 50,
    "_100epochs": 100,
    "_250epochs": 250,
    "_500epochs": 500,
    "_750epochs": 750,
    "_2000epochs": 2000,
    "_4000epochs": 4000,
    "_8000epochs": 8000,
}


def _make(
    name: str, fields: Mapping[str, Any], base: type[nnUNetTrainerLLM4Seg] = nnUNetTrainerLLM4Seg, **more: Any
) -> type[nnUNetTrainerLLM4Seg]:
    return type(name, (base,), {"variant": dict(fields), **more, "__module__": __name__, "__doc__": f"Sets {fields}."})


TRAINERS: dict[str, type[nnUNetTrainerLLM4Seg]] = {
    f"nnUNetTrainerLLM4Seg{variant}{suffix}": _make(f"nnUNetTrainerLLM4Seg{variant}{suffix}", fields, epochs=epochs)
    for variant, fields in VARIANTS.items()
    for suffix, epochs in EPOCHS.items()
    if variant or suffix
}
TRAINERS["nnUNetTrainerLLM4Seg"] = nnUNetTrainerLLM4Seg

# trainings of minutes with their vanilla arms: for `llm4seg demo`, and for a first try of any variant
SHORT_TRAINERS: dict[str, type[nnUNetTrainer]] = {
    trainer.__name__: trainer
    for trainer in (
        nnUNetTrainerVanilla_demo,
        nnUNetTrainerLLM4Seg_demo,
        nnUNetTrainerVanilla_smoke,
        nnUNetTrainerLLM4Seg_smoke,
        *(
            _make(f"nnUNetTrainerLLM4Seg{variant}_smoke", fields, nnUNetTrainerLLM4Seg_smoke)
            for variant, fields in VARIANTS.items()
            if variant
        ),
    )
}

globals().update(TRAINERS | SHORT_TRAINERS)
__all__ = ["EPOCHS", "SHORT_TRAINERS", "TRAINERS", "VARIANTS", *SHORT_TRAINERS, *TRAINERS]
