"""A whole comparison on made-up results."""

from collections import Counter
from pathlib import Path

import pytest
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation import compare


def test_each_file_is_read_once(results, monkeypatch, tmp_path):
    read = Counter()
    text, segmentation = Path.read_text, NaturalImage2DIO.read_seg

    def read_text(self, *how, **more):
        read[str(self)] += 1
        return text(self, *how, **more)

    def read_seg(self, path):
        read[str(path)] += 1
        return segmentation(self, path)

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(NaturalImage2DIO, "read_seg", read_seg)
    compare("901", "2d", runs=results.roots[1:], output=tmp_path / "out")
    ours = {path: times for path, times in read.items() if str(results.preprocessed.parent) in path}
    kinds = Counter(Path(path).name if path.endswith(".json") else Path(path).suffix for path in ours)
    logs = 2 * 2 * 2  # arms, runs, folds
    assert (kinds["plans.json"], kinds["debug.json"], kinds[".txt"]) == (4, 8, logs)
    assert kinds[".png"] == 8 + 2 * 2 * 8  # references, and a prediction per arm, run and case
    assert set(ours.values()) == {1}


@pytest.mark.parametrize(("option", "value"), [("primary", "hd95"), ("tolerance", 0.0), ("target", -1.0)])
def test_bad_options(results, option, value):
    with pytest.raises(ComparisonError, match=f"--{option}: .*{value}"):
        compare("901", "2d", **{option: value})
