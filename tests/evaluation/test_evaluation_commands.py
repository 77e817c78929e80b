import pytest
from fake_results import LLM4SEG, VANILLA, FakeResults
from typer.testing import CliRunner

from nnunet_llm4seg.cli import app, compare, evaluate  # noqa: F401  (importing registers the commands)


@pytest.fixture
def results(tmp_path, monkeypatch):
    fake = FakeResults(tmp_path, {VANILLA: 2.0, LLM4SEG: 1.0}, roots=2)
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return fake


def test_compare_prints_noise_claim_and_where_the_report_is(results, tmp_path):
    result = CliRunner().invoke(app, ["compare", "901", "2d", "--runs", str(results.roots[1])])
    assert result.exit_code == 0, result.output
    assert "SD between runs" in result.output
    assert "Baseline against itself: up to" in result.output
    assert "Report: compare_Dataset901_Fake_2d" in result.output
    assert (tmp_path / "compare_Dataset901_Fake_2d" / "report.html").is_file()


def test_evaluate_prints_every_label(results, tmp_path):
    truth = results.preprocessed / "Dataset901_Fake" / "gt_segmentations"
    result = CliRunner().invoke(app, ["evaluate", str(truth), str(truth), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "mass" in result.output
    assert "1.0000" in result.output
    assert (tmp_path / "out" / "per_case.csv").is_file()
