"""What was measured is measured again only where a file or the way of measuring has changed."""

import json

import numpy as np
import pytest
from fake_results import LLM4SEG
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

from nnunet_llm4seg.evaluation.analyse import analyse
from nnunet_llm4seg.evaluation.arms.choose import choose_arms


@pytest.fixture
def analysed(results, tmp_path, monkeypatch):
    """A function that analyses with a memory: the files that were read, the scores, and what was said."""
    read = []
    original = NaturalImage2DIO.read_seg
    monkeypatch.setattr(NaturalImage2DIO, "read_seg", lambda self, path: read.append(path) or original(self, path))

    def run(**options):
        read.clear()
        said = []
        chosen = choose_arms("901", "2d", runs=results.roots[1:])
        comparison = analyse(chosen, memory=tmp_path / "out" / "measured.json", say=said.append, **options)
        return sorted(set(read)), comparison, said

    return run


def values(comparison):
    return {name: [run.values.tolist() for run in runs] for name, runs in comparison.scores.measured.items()}


def test_a_second_report_reads_no_segmentation_and_has_the_same_values(analysed):
    read, first, _ = analysed()
    assert len(read) == 8 + 2 * 2 * 8
    read, second, _ = analysed()
    assert read == []
    assert values(second) == values(first)
    assert second.scores.slice_of("p00_000", second.labels).maps().keys() == {"reference", "baseline", "candidate"}


def test_only_the_changed_prediction_is_measured_again(analysed, results):
    _, first, _ = analysed()
    path = results.fold(LLM4SEG, 0) / "validation" / "p00_000.png"
    results.write_mask(path, np.eye(24))
    read, second, _ = analysed()
    assert read == sorted([str(path), str(results.preprocessed / "Dataset901_Fake/gt_segmentations/p00_000.png")])
    changed = np.array(values(second)[LLM4SEG]) != np.array(values(first)[LLM4SEG])
    assert changed.any(axis=(2, 3)).sum() == 1


def test_another_tolerance_is_another_measurement(analysed):
    analysed()
    assert len(analysed(tolerance=5.0)[0]) == 8 + 2 * 2 * 8


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"\x80\x04 a pickle",
        lambda content: b"[" * 100_000,
        lambda content: [],
        lambda content: {**content, "measured": []},
        lambda content: _with(content, lambda entry: entry[0][0].__setitem__(0, 1.5)),
        lambda content: _with(content, lambda entry: entry[0][0].__setitem__(0, float("nan"))),
        lambda content: _with(content, lambda entry: entry[0][0].__setitem__(4, 10**400)),
        lambda content: _with(content, lambda entry: entry[0][0].pop()),
        lambda content: _with(content, lambda entry: entry[1].__setitem__(0, "<script>")),
        lambda content: _with(content, lambda entry: entry.__setitem__(3, "xy")),
    ],
)
def test_a_memory_that_is_not_ours_is_refused_and_everything_measured_again(analysed, tmp_path, spoil):
    _, first, _ = analysed()
    path = tmp_path / "out" / "measured.json"
    content = spoil(json.loads(path.read_text()))
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    read, second, said = analysed()
    assert len(read) == 8 + 2 * 2 * 8
    assert "measured.json is not used, and everything is measured again" in said[0]
    assert values(second) == values(first)
    assert analysed()[0] == []


def _with(content, change):
    change(next(iter(content["measured"].values())))
    return content
