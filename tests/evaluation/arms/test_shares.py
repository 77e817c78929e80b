"""The layer's share at the end of each arm's trainings."""

import math

import pytest

from nnunet_llm4seg.evaluation.arms.runs import Arm, Run
from nnunet_llm4seg.evaluation.arms.shares import layer_shares, share_warnings
from nnunet_llm4seg.evaluation.report.tables import layer_shares as table
from nnunet_llm4seg.nnunet.shares import read_share_line, share_line


def arm(tmp_path, trainer, by_fold):
    """An arm whose folds' logs have these shares and gates, epoch by epoch."""
    for fold, epochs in enumerate(by_fold):
        lines = []
        for epoch, (share, gate) in enumerate(epochs):
            lines += [f"Epoch {epoch}", share_line(share, gate)]
        folder = tmp_path / trainer / f"fold_{fold}"
        folder.mkdir(parents=True)
        text = "".join(f"2026-01-01 10:00:00.000000: {line} \n" for line in lines)
        (folder / "training_log_2026_1_1_10_00_00.txt").write_text(text)
    return Arm(trainer, "P", (Run(tmp_path / trainer),))


def test_the_last_epochs_share_counts_and_a_small_one_is_warned_of(tmp_path):
    gated = arm(tmp_path, "Gated", [[(0.5, 0.9), (0.01, 0.005)], [(0.02, -0.003)]])
    replaced = arm(tmp_path, "Replaced", [[(3.0, None)], [(1.5, None)]])
    vanilla = arm(tmp_path, "Vanilla", [[], []])
    nothing = arm(tmp_path, "Skipped", [[(math.nan, None)], []])
    found = layer_shares([vanilla, gated, replaced, nothing], [0, 1])
    assert found == {
        "Gated__P": {"share": 0.015, "least": 0.01, "gate": pytest.approx(0.001), "trainings": 2},
        "Replaced__P": {"share": 2.25, "least": 1.5, "gate": None, "trainings": 2},
    }
    (warning,) = share_warnings(found)
    assert warning.startswith("Gated__P: at the end the path through the layer is 1.5 % of the features' norm")
    made = table({"layer_shares": found})
    cells = [[part["text"] for cell in row for part in cell] for row in made.shown({"layer_shares": found})]
    assert cells == [["Gated__P", "1.50", "1.00", "0.0010", "2"], ["Replaced__P", "225.00", "150.00", "–", "2"]]


@pytest.mark.parametrize(("share", "gate"), [(1.2e-7, -3e-5), (0.0, 0.0), (12.0, None)])
def test_a_line_of_the_log_is_read_as_it_was_written(share, gate):
    read = read_share_line(share_line(share, gate))
    assert read == (pytest.approx(share), None if gate is None else pytest.approx(gate))
    assert read_share_line("train_loss 0.5") is None


def test_a_large_share_is_written_without_an_exponent():
    assert share_line(12.34, None) == "LLM4Seg: share 1234 % of the features' norm"
