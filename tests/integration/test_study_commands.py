"""A study from its file to its report, with nnU-Net's own commands and trainings of four iterations."""

from tiny_models import save_model

TEXT = """
study: tiny
datasets: [902]
configuration: 2d
folds: [0]
epochs: smoke
arms:
  vanilla: vanilla
  frozen: {model: language_model, layer: 1}
claims: [frozen > vanilla]
engine: {kind: local, cores: 1}
"""


def test_a_study_is_prepared_trained_and_reported(prepared_2d, tmp_path):
    project = prepared_2d.copy(tmp_path)
    dataset = "Dataset902_Discs"
    save_model(tmp_path / "language_model")
    file = tmp_path / "tiny.yaml"
    file.write_text(TEXT)
    printed = project.run("llm4seg", "study", "run", file)
    assert f"first: keep the splits of {dataset}" in printed
    assert "2 trainings remain" in printed
    logs = sorted((tmp_path / "tiny" / "trainings").rglob("attempt_*.log"))
    assert [log.name for log in logs] == ["attempt_001.log"] * 2

    name = f"{dataset}_2d_against_vanilla"
    printed = project.run("llm4seg", "study", "report", file)
    assert f"llm4seg compare {dataset} 2d --baseline nnUNetTrainerVanilla_smoke__nnUNetPlans" in printed
    report = tmp_path / "tiny" / "report"
    assert (report / name / "report.html").is_file()
    index = (report / "index.md").read_text()
    assert "Claims, fixed in the file in this order: frozen > vanilla." in index
    assert "2 of 2 trainings are done." in index
    assert f"[report]({name}/report.html)" in index
