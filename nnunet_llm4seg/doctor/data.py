"""Whether nnU-Net's folders can be used, and which data sets in them are planned."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnunet_llm4seg.doctor.findings import Finding
from nnunet_llm4seg.nnunet.environment import FOLDERS
from nnunet_llm4seg.nnunet.plans import ASKED

_LEAST_FREE_GB = 2  # two checkpoints of a 3D network and what nnU-Net writes beside them


def folders() -> Iterator[Finding]:
    """Whether nnU-Net's three folders exist, can be written to and have space."""
    for variable, purpose in FOLDERS.items():
        bad = "note" if variable == "nnUNet_raw" else "bad"  # a training does not read raw data
        value = os.environ.get(variable)
        if not value:
            yield Finding(bad, variable, f"is not set (folder for {purpose})", f"export {variable}=FOLDER")
        elif not Path(value).is_dir():
            yield Finding(bad, variable, f"{value} does not exist", f"mkdir -p '{value}'")
        elif not os.access(value, os.W_OK | os.X_OK):
            yield Finding(bad, variable, f"{value} is not writable", f"export {variable}=ANOTHER_FOLDER")
        elif (free := shutil.disk_usage(value).free / 1e9) < _LEAST_FREE_GB:
            text = f"{value} has only {free:.1f} GB free; checkpoints need {_LEAST_FREE_GB}"
            yield Finding(bad, variable, text, f"df -h '{value}'")
        else:
            yield Finding("ok", variable, f"{value} ({free:.0f} GB free)")


def datasets() -> Iterator[Finding]:
    """Data sets with plans; those whose plans ask for a layer can be trained at once."""
    root = os.environ.get("nnUNet_preprocessed")
    if not root or not Path(root).is_dir():
        return
    planned = sorted({path.parent.name for path in Path(root).glob("Dataset*/*Plans*.json")})
    asking = sorted({dataset for dataset, _ in layers_in_plans(Path(root))})
    if not planned:
        command = "nnUNetv2_plan_and_preprocess -d ID --verify_dataset_integrity"
        yield Finding("bad", "data sets", f"none in {root} is planned and preprocessed", command)
    elif not asking:
        command = f"llm4seg plan {planned[0]} -c 2d --model MODEL --layer I"
        yield Finding("note", "data sets", f"{', '.join(planned)}; none has plans with an LLM layer yet", command)
    else:
        yield Finding("ok", "data sets", f"{', '.join(planned)}; plans with an LLM layer: {', '.join(asking)}")


def layers_in_plans(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Data set and fields of every plan that asks for an LLM layer."""
    for path in root.glob("Dataset*/*.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            configurations = json.loads(path.read_text(encoding="utf-8")).get("configurations", {})
            for configuration in configurations.values():
                if fields := configuration.get("architecture", {}).get(ASKED):
                    yield path.parent.name, fields
