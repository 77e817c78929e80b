"""A whole comparison on made-up results: its files, its numbers, and the page in a real browser."""

import base64
import csv
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from fake_results import LLM4SEG, VANILLA, FakeResults, write_json

from nnunet_llm4seg.evaluation import compare

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RANDOM = "nnUNetTrainerLLM4SegRandom__nnUNetPlans"


def make(root, monkeypatch, arms=None, **options):
    fake = FakeResults(root, arms or {VANILLA: 2.0, LLM4SEG: 1.0}, **options)
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    return fake


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Three runs of a baseline and two candidates, with a pair of near-duplicates that crosses the split."""
    root = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        fake = make(root, patch, {VANILLA: 2.0, LLM4SEG: 1.0, RANDOM: 2.0}, cases=9, folds=3, roots=3)
        groups = {"rule": "same hash", "groups": [[fake.names[0], fake.names[1]]]}
        write_json(fake.raw / "Dataset901_Fake" / "groups.json", groups)
        for arm, cases in ((VANILLA, "abc"), (LLM4SEG, "bcd")):
            fake.write_analysis(arm, fold=1, cases=cases)
        summary = compare(
            "Dataset901_Fake",
            "2d",
            candidates=[LLM4SEG, RANDOM],
            runs=fake.roots[1:],
            output=root / "out",
            command="x",
        )
    return root / "out", summary


def test_writes_four_files_and_returns_what_the_json_holds(written):
    folder, summary = written
    assert sorted(p.name for p in folder.iterdir()) == [
        "comparison.json",
        "per_case.csv",
        "report.html",
        "table.tex",
    ]
    assert json.loads((folder / "comparison.json").read_text()).keys() == summary.keys() - {"folder"}
    assert summary["folder"] == str(folder)


def test_baseline_is_the_vanilla_twin_and_the_first_candidate_the_main_one(written):
    summary = written[1]
    assert summary["baseline"] == VANILLA
    assert summary["sentence"] == summary["comparisons"][0]["claim"]
    assert summary["comparisons"][0]["verdict"] == "better"
    assert "is better than the baseline" in summary["sentence"]
    assert summary["comparisons"][1]["verdict"] == "open"
    assert "cannot be claimed" in summary["comparisons"][1]["claim"]


def test_every_run_case_and_label_is_a_row_that_gives_the_means(written):
    folder, summary = written
    with (folder / "per_case.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 3 * 9 * 2  # arms, runs, cases, labels
    dice = [float(row["dice"]) for row in rows if row["arm"] == LLM4SEG]
    assert np.mean(dice) == pytest.approx(summary["scores"][LLM4SEG]["mean"], abs=1e-6)


def test_near_duplicates_across_the_split_get_their_row(written):
    summary = written[1]
    assert summary["clusters"] == {"rule": "same hash", "count": 8}
    assert summary["leaked_cases"] == 2
    assert summary["comparisons"][0]["without_leaks"]["cases"] == 7


def test_empty_masks_are_counted(written):
    counts = written[1]["empty_masks"]["counts"][VANILLA]
    assert counts["core"]["both"] == 3 * 3  # three cases without a core, three runs
    assert sum(counts["mass"].values()) == 0


def test_noise_between_runs_is_always_there(written):
    summary = written[1]
    assert all(arm["run_sd"] > 0 for arm in summary["scores"].values())
    assert summary["baseline_against_itself"]["pairs"] == 3


def test_one_run_says_that_seed_luck_cannot_be_excluded(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch, volume=True)
    summary = compare("901", "3d_fullres", output=tmp_path / "out")
    assert summary["comparisons"][0]["method"]["rule"] == "folds"
    assert "luck of the seed cannot be excluded" in summary["sentence"]
    assert summary["baseline_against_itself"] is None
    assert "needs 2 runs to tell" in (tmp_path / "out" / "report.html").read_text()


def test_one_fold_with_one_run_claims_nothing(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch)
    summary = compare("901", "2d", folds=[0], output=tmp_path / "out")
    assert summary["comparisons"][0]["verdict"] == "none"
    assert "No claim about the methods" in summary["sentence"]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["comparisons"][0]["method"]["p"] is None


def test_differences_that_are_allowed_are_told_first_and_stand_in_the_report(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    for fold in (0, 1):
        path = fake.fold(LLM4SEG, fold) / "debug.json"
        write_json(path, {**json.loads(path.read_text()), "num_epochs": "9"})
    told = []
    summary = compare("901", "2d", output=tmp_path / "out", allow_different=True, report_difference=told.append)
    assert told == [f"num_epochs is 9 in {LLM4SEG}, but 2 in the baseline"]
    assert any("num_epochs is 9" in note for note in summary["notes"])


def test_a_copied_run_is_pointed_out(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    shutil.copytree(fake.roots[0], tmp_path / "copy")
    summary = compare("901", "2d", runs=[tmp_path / "copy"], output=tmp_path / "out")
    assert any("exactly the same" in warning for warning in summary["warnings"])


def test_an_output_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    from nnunet_llm4seg.errors import ComparisonError

    make(tmp_path, monkeypatch)
    (tmp_path / "file").write_text("")
    with pytest.raises(ComparisonError, match="cannot be written"):
        compare("901", "2d", output=tmp_path / "file")


def test_the_command_line_ends_a_mistake_with_one_sentence_and_exit_code_2(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch)
    code = "from nnunet_llm4seg.cli import main; main()"
    call = [sys.executable, "-c", code, "compare", "901", "2d", "--folds", "7"]
    result = subprocess.run(call, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("llm4seg: fold 7 is not in splits_final.json")
    assert "Traceback" not in result.stderr


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
    assert len(seen["colours"]) >= 6 + 9 + 6  # plots, cases and activation maps
    assert min(seen["colours"]) > 5
    assert seen["requests"] == 0
    assert seen["wide"] <= 0
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
