"""scripts/draw_gains.py draws the figures of docs/results.md from a study's report."""

import json
import sys
from pathlib import Path

import pytest
from made_findings import TEXT

from nnunet_llm4seg.study.file import parse_study
from nnunet_llm4seg.study.findings import arm_name

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def draw_gains(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import draw_gains

    yield draw_gains
    sys.modules.pop("draw_gains")


def test_a_gain_is_drawn_for_each_candidate_under_the_studys_names(draw_gains, tmp_path):
    study = parse_study(TEXT, tmp_path, "s.yaml")
    vanilla, *others = study.arms
    rows = [
        {"candidate": arm_name(study, arm), "difference": 0.01 * i, "method": {"interval": [0.01 * i - 0.02, 0.05]}}
        for i, arm in enumerate(others)
    ]
    folder = study.folder / "report/Dataset001_X_2d_against_vanilla"
    folder.mkdir(parents=True)
    content = {"dataset": "Dataset001_X", "baseline": arm_name(study, vanilla), "comparisons": rows}
    (folder / "comparison.json").write_text(json.dumps(content))
    gains = draw_gains.read_gains(study)
    assert [gain.label for gain in gains] == [f"{arm.name} − vanilla\nDataset001_X" for arm in others]
    assert gains[1][1:] == pytest.approx((1.0, -1.0, 5.0))
    draw_gains.draw(gains, tmp_path / "gains.svg")
    drawn = (tmp_path / "gains.svg").read_text()
    assert drawn.startswith("<?xml") and len(drawn) < 200_000
    draw_gains.draw(gains, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == drawn


def test_without_a_report_nothing_is_drawn(draw_gains, tmp_path):
    with pytest.raises(FileNotFoundError, match="run `llm4seg study report` first"):
        draw_gains.read_gains(parse_study(TEXT, tmp_path, "s.yaml"))
