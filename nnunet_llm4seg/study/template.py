"""`init`: write a commented study file from what is planned on this machine."""

from __future__ import annotations

from pathlib import Path

from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.nnunet.environment import require_folder
from nnunet_llm4seg.nnunet.files import read_json

_SOURCE = "nnUNetPlans"
_TEMPLATE = """\
# Write down the question before the results are read; then: llm4seg study run {file} --dry-run
study: {name}                  # its folder is ./{name} beside this file; `folder:` names another one
datasets: [{datasets}]
configuration: {{{configurations}}}
plans: nnUNetPlans             # what all arms start from; the paper's: {{protocol: paper}}
folds: all                     # or a list such as [0, 1, 2]
runs: 3                        # repeated runs of every fold; without them the noise between runs is unknown
epochs: 250                    # 1, 5, 10, 20, 50, 100, 250, 500, 750, 1000, 2000, 4000, 8000 or smoke
arms:                          # the first is the baseline; a list of values makes one arm per value
  vanilla: vanilla
  frozen: {{model: meta-llama/Llama-3.2-1B, layer: 14}}
  shuffled: {{model: meta-llama/Llama-3.2-1B, layer: 14, weights: shuffled}}
  random: {{model: meta-llama/Llama-3.2-1B, layer: 14, weights: random}}
claims: [frozen > vanilla, frozen > shuffled]   # in this order
engine: {engine}
# or: {{kind: slurm, partition: gpu, gres: "gpu:1", cpus: 12, mem: 48G, time: "24:00:00", parallel: 20}}
"""


def write_template(path: Path, gpus: int) -> list[str]:
    """Write a study file for the data sets that nnU-Net has planned here.

    Args:
        gpus: How many GPUs this machine has.

    Returns:
        The data sets' names.

    Raises:
        StudyError: the file exists, or its name cannot be a study's.
        DatasetError: nothing is planned.
    """
    if path.exists():
        raise StudyError(f"{path} exists already; give another name, or edit it.")
    root = require_folder("nnUNet_preprocessed")
    planned = {file.parent.name: _configuration(file) for file in sorted(root.glob(f"Dataset*/{_SOURCE}.json"))}
    if not planned:
        raise DatasetError(f"{root} holds no planned data set; run `nnUNetv2_plan_and_preprocess` first.")
    usual = max(planned.values(), key=list(planned.values()).count)
    others = "".join(f", {name}: {value}" for name, value in planned.items() if value != usual)
    engine = f"{{kind: local, gpus: {list(range(gpus))}}}" if gpus else "{kind: local}   # the CPU; gpus: [0] is a GPU"
    text = _TEMPLATE.format(
        file=path.name,
        name=path.stem.replace("__", "_"),
        datasets=", ".join(planned),
        configurations=f"default: {usual}{others}",
        engine=engine,
    )
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
    return list(planned)


def _configuration(plans: Path) -> str:
    known = read_json(plans).get("configurations", {})
    return "3d_fullres" if "3d_fullres" in known else "2d"
