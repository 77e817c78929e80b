"""How much later trainings begin their first epoch with the layer: python scripts/bench_start.py [--repeats N]

Five folds start at the same time by `nnUNetv2_train`, vanilla and with one layer of LLaMA-3.2-1B's shape, whose file
is dropped from the page cache before. A third arm is vanilla that only imports transformers' module of LLaMA first:
nothing that builds the layer from transformers' classes can begin earlier. The data set is small and made here, so
nnU-Net's own part is short and the ratios are upper bounds. Random weights are made in a temporary folder (2.5 GB).
Run it on a quiet machine; it takes some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_common import LAYER, SMALL_DATA, make_folder, report

from nnunet_llm4seg.nnunet.environment import FOLDERS, TRAINERS, with_trainers

GOAL = 1.2
FIRST_EPOCH = "Epoch 0"
_BIN = Path(sys.executable).parent
PREPARE = (
    SMALL_DATA,
    "nnUNetv2_plan_and_preprocess -d 301 -c 2d --verify_dataset_integrity",
    f"llm4seg plan 301 -c 2d --layer {LAYER} --model",
)
_IMPORT = (
    "import transformers.models.llama.modeling_llama\n"
    "from nnunetv2.run.run_training import run_training_entry\n"
    "run_training_entry()"
)
VANILLA, IMPORTED, LAYERED = "vanilla", "transformers imported", "with the layer"
_FOLD = "301 2d {fold} -device cpu"
ARMS = {
    VANILLA: ["nnUNetv2_train", *_FOLD.split()],
    IMPORTED: ["python", "-c", _IMPORT, *_FOLD.split()],
    LAYERED: ["nnUNetv2_train", *f"{_FOLD} -tr nnUNetTrainerLLM4Seg -p nnUNetPlans_LLM4Seg".split()],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="measured rounds of each arm, after one that warms up")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ.update({name: str(folder / name) for name in FOLDERS})
        os.environ[TRAINERS] = with_trainers(os.environ.get(TRAINERS))
        model = folder / "model"
        make_folder(model)
        for command in PREPARE:
            words = [*command.split(), *([str(model)] if command.endswith("--model") else [])]
            subprocess.run([str(_BIN / words[0]), *words[1:]], check=True, stdout=subprocess.DEVNULL)
        seconds: dict[str, list[float]] = {arm: [] for arm in ARMS}
        for turn in range(repeats + 1):
            for arm in list(ARMS)[:: -1 if turn % 2 else 1]:
                forget(model / "model.safetensors")
                took = until_first_epoch([[w.format(fold=fold) for w in ARMS[arm]] for fold in range(5)])
                if turn:  # the first round warms up what is not measured: the libraries' files
                    seconds[arm].append(took)
    medians = {arm: statistics.median(values) for arm, values in seconds.items()}
    ratios = {arm: medians[arm] / medians[VANILLA] for arm in ARMS}
    report(
        "Five trainings started at once, until the first epoch of the last one",
        [{"arm": arm, "time / s": medians[arm], "of vanilla's": ratios[arm]} for arm in ARMS],
    )
    print(f"{'met' if ratios[LAYERED] <= GOAL else 'MISSED'}: at most {GOAL} times vanilla's")
    return 0


def until_first_epoch(commands: list[list[str]]) -> float:
    """Seconds until each of the commands, started at once, prints that its first epoch begins; they are then killed.

    Raises:
        RuntimeError: a command ended before.
    """
    began = time.perf_counter()
    started = [
        subprocess.Popen([str(_BIN / words[0]), *words[1:]], stdout=subprocess.PIPE, text=True, start_new_session=True)
        for words in commands
    ]
    try:
        for process in started:
            assert process.stdout is not None
            if not any(FIRST_EPOCH in line for line in process.stdout):
                raise RuntimeError(f"{' '.join(map(str, process.args))} ended before its first epoch")  # type: ignore[arg-type]
        return time.perf_counter() - began
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def forget(file: Path) -> None:
    """Drop a file from the page cache, so that it is read from the disk."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    sys.exit(main())
