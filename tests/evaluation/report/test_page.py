"""The page of a comparison, its text and in a real browser."""

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from fake_results import LLM4SEG, VANILLA, make

from nnunet_llm4seg.evaluation import compare

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Numbers(HTMLParser):
    """Collects (path, scale, digits, text) of all numbers in tables."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "data-path" in attributes:
            self.inside = attributes

    def handle_data(self, data):
        if self.inside:
            self.found.append((*(self.inside[f"data-{k}"] for k in ("path", "scale", "digits")), data))
            self.inside = None


def check_table_values(page, summary):
    parser = Numbers()
    parser.feed(page)
    assert len(parser.found) > 150
    for path, scale, digits, text in parser.found:
        value = summary
        for key in path.split("/"):
            value = value[int(key)] if isinstance(value, list) else value[key]
        if value is None:
            assert text == "–"
        elif text.startswith("<"):
            assert value < float(text[1:])
        else:
            shown = float(text.replace("−", "-").replace(",", ""))
            assert shown == pytest.approx(float(scale) * value, abs=0.51 * 10 ** -int(digits))


def test_tables_show_what_the_json_holds(written):
    folder = written[0]
    check_table_values((folder / "report.html").read_text(), json.loads((folder / "comparison.json").read_text()))


def test_activation_maps_of_the_analysed_arms_are_in_the_page(written):
    page = (written[0] / "report.html").read_text()
    section = page[page.index("<h2>Activation maps</h2>") : page.index("<h2>Methods")]
    assert re.findall(r'alt="(.*?)"', section) == [
        f"{arm}: {title}" for arm in (VANILLA, LLM4SEG) for title in ("All cases", "b", "c")
    ]
    assert section.count("fold 1</h3>") == 2


def test_without_an_analysis_the_page_has_no_such_section(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch)
    compare("901", "2d", output=tmp_path / "out")
    assert "Activation maps" not in (tmp_path / "out" / "report.html").read_text()


def test_the_page_is_one_file_without_scripts(written):
    page = (written[0] / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"""(?:src|href|srcset)=["'](?!data:)""", page)
    assert not re.search(r"url\((?!data:)", page)


def test_the_latex_table_has_a_row_for_each_arm(written):
    text = (written[0] / "table.tex").read_text()
    assert text.count(r"\\") == 4
    assert r"nnUNetTrainerLLM4Seg\_\_nnUNetPlans" in text
    assert "−" not in text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_the_page_opens_without_errors_requests_or_blank_figures(written, tmp_path):
    folder = written[0]
    page = (folder / "report.html").read_text()
    # A copy whose only addition reports on its images, so that the browser itself says what it drew.
    probe = """<script>
    addEventListener('load', () => {
      const said = [];
      for (const image of document.images) {
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = 64;
        const drawing = canvas.getContext('2d');
        drawing.drawImage(image, 0, 0, 64, 64);
        const data = drawing.getImageData(0, 0, 64, 64).data;
        said.push(new Set(Array.from({length: 4096}, (_, i) => data.slice(4 * i, 4 * i + 4).join())).size);
      }
      document.title = 'seen ' + JSON.stringify({
        colours: said,
        requests: performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length,
        wide: document.documentElement.scrollWidth - innerWidth,
        cut: [...document.querySelectorAll('.claim, .forest *, .serious li, .cards td, .cards td *')]
          .filter(e => e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0).length,
      });
    });
    </script></body>"""
    (tmp_path / "probe.html").write_text(page.replace("</body>", probe))
    result = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=500,900",
            "--virtual-time-budget=20000",
            "--dump-dom",
            (tmp_path / "probe.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    assert "CONSOLE" not in result.stderr
    seen = json.loads(re.search(r"<title>seen (.*?)</title>", result.stdout)[1])
    assert len(seen["colours"]) >= 6 + 9 + 6  # plots, cases and activation maps
    assert min(seen["colours"]) > 5
    assert seen["requests"] == 0
    assert seen["wide"] <= 0
    assert seen["cut"] == 0
    check_table_values(result.stdout, json.loads((folder / "comparison.json").read_text()))


def test_both_themes_of_every_plot_are_embedded(written):
    page = (written[0] / "report.html").read_text()
    plots = re.findall(
        r'srcset="data:image/svg\+xml;base64,([^"]+)"><img src="data:image/svg\+xml;base64,([^"]+)"', page
    )
    assert len(plots) == 6
    for dark, light in plots:
        assert b"<svg" in base64.b64decode(dark)
        assert dark != light


def test_arms_of_one_trainer_with_other_plans_can_be_told_apart(tmp_path, monkeypatch):
    names = [f"nnUNetTrainerLLM4Seg__nnUNetPlans_{model}" for model in ("LLaMA", "DeepSeek")]
    make(tmp_path, monkeypatch, {VANILLA: 2.0, names[0]: 1.0, names[1]: 1.5})
    compare("901", "2d", baseline=VANILLA, candidates=names, output=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text().replace("\u200b", "")
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page, re.S)
    for name in names:
        assert sum(name in caption for caption in captions) >= 5 + 9  # difference, folds, three curves; each metric
    table = page.partition("<h2>Labels and metrics")[2].partition("<h2>")[0]
    assert [table.count(f", {name}</span>") for name in names] == [18, 18]  # two labels, nine metrics


def test_the_difference_that_counts_comes_directly_after_the_claim(written):
    page, summary = (written[0] / "report.html").read_text().replace("\u200b", ""), written[1]
    before, _, after = page.partition('<p class="claim" id="claim">')
    assert "<table" not in before and "<figure" not in before
    assert re.match(rf'{re.escape(summary["sentence"])}</p>\s*<figure class="hero">', after.replace("&#39;", "'"))
    figure = after[: after.index("</figure>")]
    shown = "nnUNetTrainerLLM4Seg, nnUNetTrainerLLM4SegRandom against nnUNetTrainer</b>"
    assert f"Difference in Dice: {shown}" in figure
    assert "← nnUNetTrainer better" in figure and "candidate better →" in figure
    assert figure.count('class="band"') == figure.count('class="target"') == figure.count('class="thick"') == 2
    noise = 100 * summary["baseline_against_itself"]["largest_mean_difference"]
    assert f"two runs of the baseline alone differ by up to {noise:.2f} points" in figure
    for i in (0, 1):
        assert f'data-path="comparisons/{i}/method/interval/0"' in figure


def test_every_figure_says_which_arms_it_shows(written):
    page = (written[0] / "report.html").read_text()
    figures = page.partition("<h2>Figures</h2>")[2].partition("<h2>Cases</h2>")[0]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", figures, re.S)
    assert len(captions) == 6 + 9
    assert all("nnUNetTrainer" in caption for caption in captions)
    legend = page.partition("<h2>Cases</h2>")[2].partition("</p>")[0]
    assert "baseline nnUNetTrainer<" in legend and "candidate nnUNetTrainerLLM4Seg " in legend


def test_labels_are_shown_with_intervals_that_hold_together(written):
    page, summary = (written[0] / "report.html").read_text(), written[1]
    section = page.partition("<h2>Labels and metrics")[2].partition("<h2>")[0]
    assert "simultaneous/0" in section
    assert "method/interval" not in section and "trained_models" not in section
    for row in summary["descriptive"]:
        (low, high), (left, right) = row["method"]["interval"], row["simultaneous"]
        assert left <= low <= high <= right


def test_serious_notes_come_first_and_in_colour(written):
    page, summary = (written[0] / "report.html").read_text(), written[1]
    (serious,) = summary["serious_notes"]
    assert serious.startswith("2 of 9 cases have a near-duplicate")
    assert summary["notes"][0] == serious
    assert page.count("<li><b>Serious.</b>") == 1


def test_a_raw_image_that_cannot_be_read_leaves_a_black_background(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    for path in (fake.raw / "Dataset901_Fake" / "imagesTr").iterdir():
        path.write_bytes(b"torn")
    compare("901", "2d", output=tmp_path / "out")
    assert "Most improved" in (tmp_path / "out" / "report.html").read_text()
