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
    assert len(seen["colours"]) >= 7 + 9 + 6  # plots, cases and activation maps
    assert min(seen["colours"]) > 5
    assert seen["requests"] == 0
    assert seen["wide"] <= 0
    check_table_values(result.stdout, json.loads((folder / "comparison.json").read_text()))


def test_both_themes_of_every_plot_are_embedded(written):
    page = (written[0] / "report.html").read_text()
    plots = re.findall(
        r'srcset="data:image/svg\+xml;base64,([^"]+)"><img src="data:image/svg\+xml;base64,([^"]+)"', page
    )
    assert len(plots) == 7
    for dark, light in plots:
        assert b"<svg" in base64.b64decode(dark)
        assert dark != light


def test_arms_of_one_trainer_with_other_plans_can_be_told_apart(tmp_path, monkeypatch):
    names = [f"nnUNetTrainerLLM4Seg__nnUNetPlans_{model}" for model in ("LLaMA", "DeepSeek")]
    make(tmp_path, monkeypatch, {VANILLA: 2.0, names[0]: 1.0, names[1]: 1.5})
    compare("901", "2d", baseline=VANILLA, candidates=names, output=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    plots = [
        base64.b64decode(svg).decode() for svg in re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)', page)
    ]
    for name in names:
        assert sum(name in plot for plot in plots) == 5  # intervals, folds and three curves
    table = page.partition("<h2>Labels and metrics")[2].partition("<h2>")[0]
    assert [table.count(name.replace("__", "__\u200b")) for name in names] == [18, 18]  # two labels, nine metrics


def test_a_raw_image_that_cannot_be_read_leaves_a_black_background(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    for path in (fake.raw / "Dataset901_Fake" / "imagesTr").iterdir():
        path.write_bytes(b"torn")
    compare("901", "2d", output=tmp_path / "out")
    assert "Most improved" in (tmp_path / "out" / "report.html").read_text()
