"""A study with made-up scores in place of trainings, and the files that `compare` would have written of them."""

import csv

import numpy as np

from nnunet_llm4seg.study.comparable import comparisons
from nnunet_llm4seg.study.file import parse_study
from nnunet_llm4seg.study.findings import arm_name, find
from nnunet_llm4seg.study.trainings import StudyData, list_trainings

TEXT = """
study: s
datasets: [1, 2, 3]
configuration: 2d
runs: 3
epochs: 5
arms:
  vanilla: vanilla
  frozen: {layer: 1}
  shuffled: {layer: 1, weights: shuffled}
  sweep: {layer: [2, 3]}
claims: [frozen > vanilla, frozen > shuffled]
"""
CASES = 8
FOLDS = tuple(tuple(f"c{fold}_{i}" for i in range(CASES)) for fold in range(4))
DATA = [StudyData(f"Dataset00{i}_X", "2d", FOLDS, ".png") for i in (1, 2, 3)]


class Made:
    """A study whose trainings are done up to some run, with the files that `compare` would have written."""

    def __init__(self, folder, gains, datasets=3, leaked=(), text=TEXT):
        self.study = parse_study(text, folder, "s.yaml")
        self.data, self.gains, self.leaked = DATA[:datasets], gains, leaked
        self.trainings = list_trainings(self.study, self.data)

    def compared(self, runs=3):
        done = {training.key for training in self.trainings if training.run <= runs}
        compared = comparisons(self.study, self.trainings, done)
        for chosen in compared:
            self.write(chosen, runs)
        return compared

    def found(self, runs=3):
        return find(self.study, self.trainings, self.compared(runs))

    def write(self, chosen, runs):
        folder = self.study.folder / "report" / chosen.name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "per_case.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["arm", "run", "fold", "case", "cluster", "leaked", "label", "dice", "empty"])
            for arm in (chosen.baseline, *chosen.candidates):
                seed = [ord(letter) for letter in chosen.data.name + arm.name]
                noise = np.random.default_rng(seed).normal(0, 0.01, (3, 4, CASES))
                for run in range(runs):
                    for fold, cases in enumerate(FOLDS):
                        for i, case in enumerate(cases):
                            value = 0.8 + self.gains.get(arm.name, 0.0) + noise[run, fold, i]
                            row = [arm_name(self.study, arm), run, fold, case, case, int(case in self.leaked)]
                            table.writerow([*row, "lesion", f"{value:.6g}", ""])
