"""What is compared when only a part is done, and how `compare` is called."""

import subprocess

from nnunet_llm4seg.study import folder, report
from nnunet_llm4seg.study.comparable import comparisons, ladders
from nnunet_llm4seg.study.file import parse_study
from nnunet_llm4seg.study.report import compare_words
from nnunet_llm4seg.study.trainings import StudyData, list_trainings

TEXT = """
study: s
datasets: [1]
configuration: 2d
runs: 2
epochs: 5
arms:
  vanilla: vanilla
  frozen: {layer: 1}
  shuffled: {layer: 1, weights: shuffled}
  sweep: {layer: [2, 3]}
claims: [frozen > vanilla, frozen > shuffled]
"""
DATA = StudyData("Dataset001_X", "2d", (("a",), ("b",), ("c",)), ".png")


def made(tmp_path, *undone, text=TEXT):
    study = parse_study(text, tmp_path, "s.yaml")
    trainings = list_trainings(study, [DATA])
    done = {t.key for t in trainings if not any(part in t.key for part in undone)}
    return study, comparisons(study, trainings, done)


def test_claims_come_in_the_files_order_and_other_arms_meet_the_first(tmp_path):
    study = parse_study(TEXT, tmp_path, "s.yaml")
    assert [(base.name, [arm.name for arm in arms]) for base, arms in ladders(study)] == [
        ("vanilla", ["frozen", "sweep_layer2", "sweep_layer3"]),
        ("shuffled", ["frozen"]),
    ]


def test_without_claims_the_controls_follow_vanilla_and_every_other_arm_meets_the_first(tmp_path):
    text = TEXT.replace("claims: [frozen > vanilla, frozen > shuffled]", "")
    text = text.replace("  shuffled:", "  nothing: {layer: 1, weights: identity}\n  shuffled:")
    study = parse_study(text, tmp_path, "s.yaml")
    assert list(map(str, study.ordered_claims)) == ["frozen > vanilla", "frozen > shuffled", "frozen > nothing"]
    (base, arms), *controls = ladders(study)
    assert base.name == "vanilla" and [arm.name for arm in arms] == ["frozen", "sweep_layer2", "sweep_layer3"]
    assert [base.name for base, _ in controls] == ["shuffled", "nothing"]


def test_a_sweep_alone_claims_nothing(tmp_path):
    text = TEXT.split("  frozen")[0] + "  sweep: {layer: [2, 3]}"
    study = parse_study(text, tmp_path, "s.yaml")
    assert study.ordered_claims == ()
    ((base, arms),) = ladders(study)
    assert base.name == "vanilla" and len(arms) == 2


def test_a_list_of_layers_is_a_sweep_whatever_the_names_are(tmp_path):
    start = TEXT.split("  frozen")[0]
    swept = parse_study(start + "  sweep: {layer: [2, 3], seed: [0, 1]}", tmp_path, "s.yaml")
    assert swept.ordered_claims == ()
    named = parse_study(start + "  frozen_layer2: {layer: 2}", tmp_path, "s.yaml")
    assert list(map(str, named.ordered_claims)) == ["frozen_layer2 > vanilla"]
    alone = parse_study(start + "  sweep_layer2: {layer: 2}", tmp_path, "s.yaml")
    assert alone.arms == parse_study(start + "  sweep: {layer: [2]}", tmp_path, "s.yaml").arms  # as after an amendment


def test_all_that_is_done_is_compared_with_its_runs(tmp_path):
    study, (first, second) = made(tmp_path)
    assert (first.folds, first.runs, first.left_out) == ((0, 1, 2), (1, 2), ())
    words = compare_words(study, second)
    assert words[:6] == [
        *("llm4seg", "compare", "Dataset001_X", "2d", "--baseline"),
        "nnUNetTrainerLLM4Seg_5epochs__nnUNetPlans_s_shuffled",
    ]
    assert words[words.index("--runs") + 1] == str(tmp_path / "s/results/run_2")
    assert words[-1] == str(tmp_path / "s/report/Dataset001_X_2d_against_shuffled")


def test_what_is_not_done_is_left_out_by_name(tmp_path):
    _, found = made(tmp_path, "run_2/Dataset001_X/frozen/fold_1", "sweep_layer3", "run_1/Dataset001_X/frozen/fold_2")
    first, second = found
    assert [arm.name for arm in first.candidates] == ["frozen", "sweep_layer2"]
    assert first.folds == (0, 1) and first.runs == (1,)
    assert first.left_out == (
        "sweep_layer3: no fold of run 1 is done in it and in the other arms",
        "fold(s) 2: not done in all of these arms",
        "run 2: not done in all of these arms and folds",
    )
    assert second.baseline.name == "shuffled"


def test_an_arm_that_has_just_begun_costs_the_others_no_fold(tmp_path):
    begun = ("run_1/Dataset001_X/sweep_layer3/fold_1", "run_1/Dataset001_X/sweep_layer3/fold_2")
    _, (first, _) = made(tmp_path, *begun)
    assert [arm.name for arm in first.candidates] == ["frozen", "sweep_layer2"]
    assert (first.folds, first.runs) == ((0, 1, 2), (1, 2))
    assert first.left_out == ("sweep_layer3: fold(s) 1, 2 of run 1 are not done in it",)


def test_an_arm_that_lacks_a_run_costs_the_claimed_one_no_run(tmp_path):
    _, (first, _) = made(tmp_path, "run_2/Dataset001_X/sweep_layer3/fold_2")
    assert [arm.name for arm in first.candidates] == ["frozen", "sweep_layer2"]
    assert (first.folds, first.runs) == ((0, 1, 2), (1, 2))
    assert first.left_out == ("sweep_layer3: run(s) 2 are not done in it",)


def test_of_two_claimed_arms_the_one_with_most_folds_decides(tmp_path):
    text = TEXT.replace("frozen > shuffled]", "shuffled > vanilla]")
    _, (first,) = made(tmp_path, "run_1/Dataset001_X/frozen/fold_2", "run_2", text=text)
    assert [arm.name for arm in first.candidates] == ["shuffled", "sweep_layer2", "sweep_layer3"]
    assert first.folds == (0, 1, 2)


def test_without_claims_a_sweep_keeps_its_arms_until_most_of_them_have_more(tmp_path):
    text = TEXT.split("  frozen")[0] + "  sweep: {layer: [1, 2, 3, 4]}"
    undone = [f"run_2/Dataset001_X/sweep_layer{layer}/" for layer in (2, 3, 4)]
    _, (first,) = made(tmp_path, *undone, text=text)
    assert len(first.candidates) == 4 and first.runs == (1,)
    _, (first,) = made(tmp_path, undone[0], text=text)
    assert len(first.candidates) == 3 and first.runs == (1, 2)
    undone = [f"run_1/Dataset001_X/sweep_layer{layer}/fold_1" for layer in (3, 4)]
    _, (first,) = made(tmp_path, *undone, "run_2", text=text)
    assert len(first.candidates) == 4 and first.folds == (0, 2)


def test_the_page_names_the_claims_amendments_and_an_interim_look(tmp_path, monkeypatch):
    text = TEXT.replace("runs: 2", "runs: 1")
    folder.settle(parse_study(text, tmp_path, "s.yaml"))
    study = parse_study(text.replace("shuffled]", "shuffled, sweep_layer2 > vanilla]"), tmp_path, "s.yaml")
    folder.settle(study, amend=True)
    done = subprocess.CompletedProcess([], 0, stdout="frozen is ahead of vanilla\n", stderr="")
    monkeypatch.setattr(report.subprocess, "run", lambda *_, **__: done)
    found = {"claims": [], "leaked": {}, "unused": [], "sweeps": [], "ranks": {}, "per_case": []}
    monkeypatch.setattr(report, "find", lambda *_: found)
    monkeypatch.setattr(report, "answer_lines", lambda _: ["the answer"])
    trainings = list_trainings(study, [DATA])
    said = []
    page = report.report(study, trainings, {t.key for t in trainings if "layer3" not in t.key}, said.append)
    assert page.name == "index.html"
    html = page.read_text()
    assert "12 of 15 trainings are done; this is an interim look, which counts as one." in html
    assert "The file was amended on " in html and '<a href="../amendments/1.diff">difference</a>' in html
    index = page.with_suffix(".md").read_text()
    assert "12 of 15 trainings are done; this is an interim look, which counts as one." in index
    assert "in this order: frozen > vanilla, frozen > shuffled, sweep_layer2 > vanilla." in index
    assert "The file was amended on " in index and "[difference](../amendments/1.diff)" in index
    assert (page.parent / "../amendments/1.diff").is_file()
    assert "- frozen is ahead of vanilla" in index and "- left out: sweep_layer3: no fold of run 1" in index


def test_nothing_is_compared_without_the_baseline(tmp_path):
    _, found = made(tmp_path, "vanilla", "shuffled")
    assert found == []


def test_the_report_says_what_is_missing(small):
    printed = small.run("report", small.file, rc=2)
    assert "nothing can be compared yet: 0 of 2 trainings are done" in printed
