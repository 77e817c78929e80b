"""A second report draws only what has changed, and loads nothing to draw with if nothing has."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from fake_results import LLM4SEG, make

from nnunet_llm4seg.evaluation import compare
from nnunet_llm4seg.evaluation.report import figures, overlays
from nnunet_llm4seg.evaluation.report.pictures import NAME, Pictures


@pytest.fixture
def report(tmp_path, monkeypatch):
    """A function that compares made-up results: the page, and how many pictures were drawn for it."""
    fake = make(tmp_path, monkeypatch)
    drawn = []
    for module, name in ((figures, "_svg"), (overlays, "_png")):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, original=original, **k: drawn.append(1) or original(*a, **k))

    def run():
        drawn.clear()
        compare("901", "2d", output=tmp_path / "out")
        return (tmp_path / "out" / "report.html").read_text(), len(drawn)

    run.fake, run.path = fake, tmp_path / "out" / NAME
    return run


def test_a_second_report_draws_nothing_and_shows_the_same(report):
    first, count = report()
    second, again = report()
    assert count > 12 and again == 0
    assert second == first


def test_a_changed_prediction_is_drawn_again(report):
    first, count = report()
    report.fake.write_mask(report.fake.fold(LLM4SEG, 0) / "validation" / "p00_000.png", np.eye(24))
    second, again = report()
    assert 0 < again < count and second != first


def test_a_changed_image_is_drawn_again(report):
    report()
    for path in (report.fake.raw / "Dataset901_Fake" / "imagesTr").iterdir():
        report.fake.write_mask(path, np.eye(24) * 200)
    _, again = report()
    assert 0 < again <= 12  # the overlays alone


@pytest.mark.parametrize("spoil", ["https://x.org/a.png", 'data:image/png;base64,AA==" onload="x', "", 3, None])
def test_what_is_no_picture_is_drawn_again(report, spoil):
    first, count = report()
    content = json.loads(report.path.read_text())
    next(iter(content.values())).update(light=spoil)
    report.path.write_text(json.dumps(content))
    assert report() == (first, count)
    report.path.write_text("[" * 100_000)
    assert report() == (first, count)


def test_what_is_not_shown_any_more_is_not_kept(tmp_path):
    for shown in ([1.0], [2.0]):
        pictures = Pictures(tmp_path / NAME)
        pictures.drawn(shown, lambda: {"light": "data:image/png;base64,AA=="})
        pictures.write()
    assert len(json.loads((tmp_path / NAME).read_text())) == 1


# Without scipy.spatial: scipy.optimize, which finds roots for the bounds, loads it.
CODE = """
import sys
from nnunet_llm4seg.evaluation import compare
from nnunet_llm4seg.evaluation.arms import cost, kept_costs
kept_costs._measured = lambda arms, *_: {arm.name: vars(cost.Cost()) for arm in arms}
compare("901", "2d", output=sys.argv[1])
heavy = {"matplotlib", "nnunetv2", "SimpleITK", "scipy.ndimage", "scipy.stats", "skimage", "surface_distance", "torch"}
print(sorted(heavy & {*sys.modules}))
"""


def test_a_second_report_loads_nothing_to_measure_or_draw_with(report, tmp_path):
    report()
    command = [sys.executable, "-c", CODE, str(tmp_path / "out")]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
