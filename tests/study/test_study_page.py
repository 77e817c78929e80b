"""A study's page, from made-up scores that go through the report itself; nothing is trained."""

import json
import re
import subprocess

import pytest
from made_findings import DATA, TEXT, Made

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import folder, report

NAMES = [data.name for data in DATA]
WITHOUT_SWEEP = TEXT.replace("  sweep: {layer: [2, 3]}\n", "")


class Page:
    """What `report` has written."""

    def __init__(self, made, said, path):
        self.made, self.said, self.path = made, said, path
        self.html = path.read_text()
        self.text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", self.html.partition("<main>")[2]).replace("&gt;", ">"))
        self.found = json.loads(path.with_name("study.json").read_text())

    def numbers(self):
        return re.findall(
            r'<span data-path="(.*?)" data-scale="(.*?)" data-digits="(.*?)">(.*?)</span>',
            self.html.replace("&lt;", "<"),
        )


@pytest.fixture
def write(tmp_path, monkeypatch):
    def write(gains, *, runs=3, rc=0, **made):
        made = Made(tmp_path, gains, **made)
        folder.settle(made.study)
        done = subprocess.CompletedProcess([], rc, "frozen is <better>\n", "ComparisonError: a <file> is torn\n")
        monkeypatch.setattr(report.subprocess, "run", lambda *_, **__: done)
        made.compared(runs)
        said = []
        finished = {training.key for training in made.trainings if training.run <= runs}
        path = made.study.folder / "report" / "index.html"
        if rc:
            with pytest.raises(StudyError, match="comparisons failed"):
                report.report(made.study, made.trainings, finished, said.append)
        else:
            assert report.report(made.study, made.trainings, finished, said.append) == path
        return Page(made, said, path)

    return write


def test_the_page_has_the_claim_first_and_every_arm_data_set_and_number(write):
    page = write({"frozen": 0.05, "sweep_layer3": 0.03})
    claim, _, after = page.html.partition('<p class="claim" id="claim">')[2].partition("</p>")
    assert "<figure" not in page.html.partition('<p class="claim"')[0]
    assert re.match(r'\s*<figure class="hero">', after)
    assert re.fullmatch(
        r"frozen > vanilla on average over these 3 data sets: holds\. \+.* points of Dice, 95 % interval .*, p <"
        r" 0\.0001\. On data sets like these: holds\. Then frozen > shuffled: holds\.",
        claim.replace("&gt;", ">").replace("&lt;", "<"),
    )
    assert "Arms: vanilla (the baseline), frozen, shuffled, sweep_layer2, sweep_layer3." in page.text
    for arm in ("vanilla", "frozen", "sweep_layer2", "sweep_layer3"):
        assert page.html.count(f'<td data-label="arm"><span>{arm}') >= 3  # the order of the arms per data set
    for name in NAMES:
        assert f'<span class="name">{name}</span>' in page.html
        for baseline in ("vanilla", "shuffled"):
            assert f'<a href="{name}_2d_against_{baseline}/report.html">' in page.html
            assert f'<a href="per_case_{name}_2d_against_{baseline}.csv">' in page.html
    assert page.html.count('<ol class="ladder">') == 2
    assert page.html.count('<polygon class="diamond"') == 4
    assert page.html.count('<div class="layers">') == 3 and page.html.count("named before: layer 1.") == 3
    assert "frozen is &lt;better&gt;" in page.html
    assert "To keep in mind" not in page.text


def test_all_numbers_of_the_page_are_those_of_the_file(write):
    page = write({"frozen": 0.05, "sweep_layer3": 0.03})
    shown = page.numbers()
    for path, scale, digits, text in shown:
        value = page.found
        for key in path.split("/"):
            value = value[int(key)] if isinstance(value, list) else value[key]
        if value is None:
            assert text == "–"
        elif text.startswith("<"):
            assert value < float(text[1:])
        else:
            shown_value = float(text.replace("−", "-"))
            assert shown_value == pytest.approx(float(scale) * value, abs=0.51 * 10 ** -int(digits))
    paths = {path for path, *_ in shown}
    for i, step in enumerate(page.found["claims"]):
        for at in ("these", "like_these", *(f"datasets/{name}" for name in step["datasets"])):
            assert {f"claims/{i}/{at}/{end}" for end in ("difference", "interval/0", "interval/1")} <= paths
    assert {f"sweeps/{i}/layers/{j}/gain" for i in range(3) for j in range(3)} <= paths


def test_the_page_is_one_file_that_asks_for_nothing(write):
    page = write({"frozen": 0.05}).html
    assert "<script" not in page and "http" not in page
    assert not re.search(r"""(?:src|srcset)=|<link (?!rel="icon" href="data:,")""", page)
    assert not re.search(r"url\(", page)


def test_one_data_set_has_no_diamond_and_no_claim_about_others(write):
    page = write({"frozen": 0.05}, datasets=1, text=WITHOUT_SWEEP)
    assert "frozen > vanilla on this data set: holds." in page.text
    assert "diamond" not in page.html.partition("<main>")[2] and "like these" not in page.text
    assert page.html.count('<ol class="ladder">') == 1 and "On this data set" in page.text
    assert page.html.count('<figure class="hero">') == 1


def test_the_forest_shows_the_baselines_own_noise_and_the_target(write):
    page = write({"frozen": 0.05}, datasets=1, text=WITHOUT_SWEEP)
    hero = page.html.partition('<figure class="hero">')[2].partition("</figure>")[0]
    noise = page.found["claims"][0]["datasets"][NAMES[0]]["baseline_noise"]
    assert 0 < noise < 0.02 and hero.count('<rect class="band"') == 1 and hero.count('<line class="target"') == 1
    assert f"Grey band: two runs of vanilla alone differ by up to {100 * noise:.2f} points." in hero
    assert "Dashed: the target of 0.8 points." in hero
    assert "← vanilla better" in hero and "frozen better →" in hero


def test_each_data_set_has_its_own_noise_and_the_average_a_smaller_one(write):
    page = write({"frozen": 0.05}, text=WITHOUT_SWEEP)
    claim = page.found["claims"][0]
    of_data = [found["baseline_noise"] for found in claim["datasets"].values()]
    assert 0 < claim["these"]["baseline_noise"] < max(of_data)
    hero = page.html.partition('<figure class="hero">')[2].partition("</figure>")[0]
    assert hero.count('<rect class="band"') == 4  # three data sets and their average, not other data sets
    assert "Grey bands: by how much two runs of vanilla alone differ at most" in hero


def test_with_one_run_the_noise_is_unknown(write):
    page = write({"frozen": 0.05}, datasets=1, runs=1, text=WITHOUT_SWEEP)
    assert '<rect class="band"' not in page.html
    assert "The noise of vanilla itself is unknown: one run." in page.text


def test_without_a_sweep_there_is_no_layer_figure(write):
    page = write({"frozen": 0.05}, datasets=1, text=WITHOUT_SWEEP)
    assert '<div class="layers">' not in page.html
    assert "Layers" not in page.text and "Order of the arms" not in page.text


def test_a_sweep_alone_is_exploratory(write):
    text = TEXT.split("  frozen")[0] + "  sweep: {layer: [2, 3]}"
    page = write({}, datasets=1, text=text)
    assert '<p class="claim" id="claim">No claim was named, so that all comparisons are exploratory.</p>' in page.html
    assert '<div class="layers">' in page.html
    assert not re.search('class="(hero|ladder)"', page.html)


def test_an_early_look_says_so_and_does_not_claim_too_much(write):
    page = write({"frozen": 0.05}, runs=1)
    assert "this is an interim look, which counts as one." in page.text
    steps = re.findall(r'<li class="(shown|not-shown|not-tested)">', page.html)
    assert steps[0] == "not-shown" and steps[1] == "not-tested"
    assert "interim look, number 1: 33 % of the planned trainings; " in page.text
    names = ", ".join(f"{name}_2d_against_{baseline}" for name in NAMES for baseline in ("vanilla", "shuffled"))
    assert f"Left out: run 2: not done in all of these arms and folds ({names})." in page.text
    not_tested = re.findall(r'<li class="not-tested">(.*?)</li>', page.html, re.S)
    assert len(not_tested) == 2 and not any("tested at" in step for step in not_tested)


def test_what_is_missing_in_the_answer_is_serious(write):
    page = write({"frozen": 0.05}, datasets=1, leaked={"c0_0", "c1_3"})
    serious = page.html.partition('<ul class="serious">')[2].partition("</ul>")[0]
    assert serious.count("<b>Serious.</b>") == 1  # one sentence for all comparisons that are alike
    assert "2d_against_vanilla, Dataset001_X_2d_against_shuffled: 2 cases with a near-duplicate" in serious


def test_failed_comparisons_are_named_and_have_no_link(write):
    page = write({}, datasets=1, rc=2)
    assert "frozen > vanilla: cannot be looked at yet. Then frozen > shuffled: cannot be looked at yet." in page.text
    failed = "its comparison failed: ComparisonError: a &lt;file&gt; is torn"
    assert page.html.count(failed) == 2
    assert "report.html" not in page.html and '<figure class="hero">' not in page.html
