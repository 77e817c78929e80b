import json
import os

import pytest
from fake_results import VANILLA
from typer.testing import CliRunner

from nnunet_llm4seg.cli import app, compare, evaluate, main  # noqa: F401  (importing registers the commands)


def test_compare_prints_noise_claim_and_where_the_report_is(results, tmp_path):
    result = CliRunner().invoke(app, ["compare", "901", "2d", "--runs", str(results.roots[1])])
    assert result.exit_code == 0, result.output
    assert "SD between runs" in result.output
    assert "Baseline against itself: up to" in result.output
    assert "Report: compare_Dataset901_Fake_2d" in result.output
    assert (tmp_path / "compare_Dataset901_Fake_2d" / "report.html").is_file()


def test_compare_prints_and_writes_what_it_omits(results, tmp_path):
    (results.fold(VANILLA, 1) / "validation" / "summary.json").unlink()
    result = CliRunner().invoke(app, ["compare", "901", "2d", "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    warning = f"Fold 1 is omitted: {VANILLA} in {results.roots[0]} (validation is not finished)."
    assert f"Notice: {warning}" in result.output.splitlines()
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["warnings"] == [warning]
    assert "(validation is not finished)" in (tmp_path / "out" / "report.html").read_text()


def test_compare_lets_nnunet_find_our_trainers(results, monkeypatch, tmp_path):
    monkeypatch.delenv("nnUNet_extTrainer", raising=False)
    result = CliRunner().invoke(app, ["compare", "901", "2d", "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    costs = json.loads((tmp_path / "out" / "comparison.json").read_text())["costs"]
    assert len(costs) == 2
    assert not any("find requested" in cost["note"] for cost in costs.values())
    assert os.environ["nnUNet_extTrainer"].endswith("trainers")


def test_evaluate_prints_every_label(results, tmp_path):
    truth = results.preprocessed / "Dataset901_Fake" / "gt_segmentations"
    result = CliRunner().invoke(app, ["evaluate", str(truth), str(truth), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "mass" in result.output
    assert "1.0000" in result.output
    assert "NSD at 2 mm in 3D, 2 pixels in 2D." in result.output
    assert "core both 2, reference 0, prediction 0" in result.output
    assert (tmp_path / "out" / "per_case.csv").is_file()


def test_a_mistake_ends_with_one_sentence_and_exit_code_2(results, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["llm4seg", "compare", "901", "2d", "--folds", "7"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    stderr = capsys.readouterr().err
    assert stderr.startswith("llm4seg: fold 7 is not in splits_final.json")
    assert "Traceback" not in stderr
