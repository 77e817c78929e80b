"""Figures that are drawn as HTML, from made-up values."""

import re

import pytest

from nnunet_llm4seg.evaluation.report.forest import Forest, Row, draw_forest
from nnunet_llm4seg.evaluation.report.fragments import Axis, page, words
from nnunet_llm4seg.evaluation.report.ladder import Step, draw_ladder
from nnunet_llm4seg.evaluation.report.layer_sweep import LayerGain, draw_layers
from nnunet_llm4seg.evaluation.report.numbers import Number


def ends(drawn, name):
    """x1 and x2 of all lines of a class."""
    return [tuple(map(float, found)) for found in re.findall(rf'class="{name}" x1="(.*?)" x2="(.*?)"', drawn)]


def test_intervals_are_drawn_to_scale_from_one_axis():
    rows = [Row("BUSI", 1.0, (0.0, 2.0), (-1.0, 3.0)), Row("BTCV", -1.0, (-3.0, 1.0))]
    drawn = draw_forest(Forest("A against B", rows, noise=0.5, target=2.0))
    (first, second), (also,) = ends(drawn, "thick"), ends(drawn, "thin")
    zero = ends(drawn, "zero")[0][0]
    per_point = (first[1] - first[0]) / 2
    assert first[0] == pytest.approx(zero, abs=0.01)
    assert second == pytest.approx((zero - 3 * per_point, zero + per_point), abs=0.01)
    assert also == pytest.approx((zero - per_point, zero + 3 * per_point), abs=0.01)
    assert ends(drawn, "target")[0][0] == pytest.approx(zero + 2 * per_point, abs=0.01)
    band = re.search(r'class="band" x="(.*?)" width="(.*?)"', drawn)
    assert [float(band[1]), float(band[2])] == pytest.approx([zero - per_point / 2, per_point], abs=0.01)
    assert all(0 <= value <= 100 for span in (first, second, also) for value in span)


def test_an_average_is_a_diamond_with_its_prediction_interval():
    drawn = draw_forest(Forest("A", [Row("all data sets", 1.0, (0.5, 1.5), (-2.0, 4.0), kind="diamond")]))
    points = re.search(r'class="diamond" points="(.*?)"', drawn)[1].split()
    left, top, right, bottom = (tuple(map(float, point.split(","))) for point in points)
    assert left[0] < top[0] == bottom[0] < right[0]
    assert ends(drawn, "thin")[0][0] < left[0] and right[0] < ends(drawn, "thin")[0][1]
    assert not ends(drawn, "dot")
    assert "<b>all data sets</b>" in drawn


def test_what_is_not_known_is_not_drawn():
    nan = float("nan")
    drawn = draw_forest(Forest("A", [Row("one run", 1.0, (nan, nan)), Row("nothing", nan), Row("far", 2.0, None)]))
    assert not ends(drawn, "thick")
    assert len(ends(drawn, "dot")) == 2
    assert "nan" not in drawn and "inf" not in drawn


def test_names_from_a_data_set_cannot_become_markup():
    bad = "<script>alert(1)</script>"
    drawn = [
        draw_forest(Forest(bad, [Row(bad, 0.0, value=words(bad))], bad, (bad, bad), key=[bad])),
        draw_ladder(bad, [Step(bad, "shown", words(bad), bad)]),
        draw_layers(bad, [LayerGain(0, 0, 0, 0)], unit=bad, band=bad),
    ]
    assert "<script" not in page(bad, [(bad, part) for part in drawn])


def test_the_ladder_keeps_the_order_of_the_claims():
    steps = [
        Step("frozen > vanilla", "shown", words("+1.2 [0.4, 2.0]"), "The layer helps."),
        Step("frozen > shuffled", "not shown"),
        Step("frozen > random", "not tested"),
    ]
    drawn = draw_ladder("Claims", steps)
    assert re.findall(r'<li class="(.*?)">', drawn) == ["shown", "not-shown", "not-tested"]
    assert re.findall(r'class="mark">(.)<', drawn) == ["✓", "×", "–"]
    assert "+1.2 [0.4, 2.0]" in drawn and "The layer helps." in drawn


def test_the_gain_by_layer_has_a_band_and_the_layer_that_was_named_before():
    gains = [LayerGain(layer, 0.1 * layer, 0.1 * layer - 1, 0.1 * layer + 1) for layer in (15, 0, 7)]
    drawn = draw_layers("Gain of frozen over vanilla", gains, named=[7], band="Simultaneous 95 % band.")
    line = [tuple(map(float, at.split(","))) for at in re.search(r'class="curve" points="(.*?)"', drawn)[1].split()]
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted((y for _, y in line), reverse=True)  # up is better
    assert len(re.search(r'class="band" points="(.*?)"', drawn)[1].split()) == 6
    assert ends(drawn, "target") == [(line[1][0], line[1][0])]
    assert "named before: layer 7" in drawn and "Simultaneous 95 % band." in drawn


@pytest.mark.parametrize("values", [[], [0.0], [float("nan"), 5.0], [-1e-4, 2e-4], [-180.0, 30.0]])
def test_an_axis_has_round_ticks_inside_it(values):
    axis = Axis(values)
    assert 2 <= len(axis.ticks) <= 7
    assert "0" in [tick.text for tick in axis.ticks]
    assert all(0 <= tick.at <= 100 for tick in axis.ticks)


def test_every_layer_that_has_room_is_named():
    drawn = draw_layers("Gain", [LayerGain(layer, 0.1, -1, 1) for layer in (1, 2, 3, 5, 8, 11, 14)])
    for layer in (1, 2, 3, 5, 8, 11, 14):
        assert f">{layer}</span>" in drawn
    many = draw_layers("Gain", [LayerGain(layer, 0.1, -1, 1) for layer in range(16)])
    assert [f">{layer}</span>" in many for layer in range(4)] == [True, False, True, False]


def test_a_number_that_is_rounded_to_zero_has_no_minus():
    assert Number("x", signed=True).text({"x": -0.00001}) == "+0.00"
    assert Number("x").text({"x": -0.00001}) == "0.00"
    assert Number("x").text({"x": -0.0001}) == "−0.01"
