"""The files of a report."""

import csv
import json

import numpy as np
import pytest
from fake_results import LLM4SEG, make

from nnunet_llm4seg.evaluation import compare


def test_writes_four_files_and_what_was_measured_and_drawn_and_returns_what_the_json_holds(written):
    folder, summary = written
    assert sorted(p.name for p in folder.iterdir()) == [
        "comparison.json",
        "measured.json",
        "per_case.csv",
        "pictures.json",
        "report.html",
        "table.tex",
    ]
    assert json.loads((folder / "comparison.json").read_text()).keys() == summary.keys() - {"folder"}
    assert summary["folder"] == str(folder)


def test_every_run_case_and_label_is_a_row_that_gives_the_means(written):
    folder, summary = written
    with (folder / "per_case.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 3 * 9 * 2  # arms, runs, cases, labels
    dice = [float(row["dice"]) for row in rows if row["arm"] == LLM4SEG]
    assert np.mean(dice) == pytest.approx(summary["scores"][LLM4SEG]["mean"], abs=1e-6)


def test_an_output_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    from nnunet_llm4seg.errors import ComparisonError

    make(tmp_path, monkeypatch)
    (tmp_path / "file").write_text("")
    with pytest.raises(ComparisonError, match="cannot be written"):
        compare("901", "2d", output=tmp_path / "file")
