import pytest

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.nnunet.ensembles import find_best

MODELS = ["nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainerLLM4Seg__nnUNetPlans_LLM4Seg__2d"]


@pytest.fixture
def results(tmp_path, monkeypatch):
    for name in ("nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name / "Dataset007_Discs").mkdir(parents=True)
    folder = tmp_path / "nnUNet_results" / "Dataset007_Discs"
    for model in MODELS:
        for fold in (0, 1):
            validation = folder / model / f"fold_{fold}" / "validation"
            validation.mkdir(parents=True)
            (validation / "summary.json").write_text("{}")
            (validation / "case.npz").write_bytes(b"")
    return folder


def test_each_trainer_is_combined_with_its_own_plans_only(results, monkeypatch):
    import nnunetv2.evaluation.find_best_configuration as module

    asked = {}
    monkeypatch.setattr(module, "find_best_configuration", lambda name, models, **options: asked.update(models=models))
    find_best("7", MODELS, folds=(0, 1))
    assert [tuple(model.values()) for model in asked["models"]] == [tuple(model.split("__")) for model in MODELS]


def test_fold_that_is_not_trained_is_named(results):
    with pytest.raises(ComparisonError, match="nnUNetTrainer__nnUNetPlans__2d has no validated fold 2"):
        find_best("7", MODELS, folds=(0, 2))


def test_missing_probabilities_are_an_error_for_ensembles_only(results, monkeypatch):
    import nnunetv2.evaluation.find_best_configuration as module

    (results / MODELS[1] / "fold_1" / "validation" / "case.npz").unlink()
    with pytest.raises(
        ComparisonError, match=r"fold 1 of nnUNetTrainerLLM4Seg__.* has no probabilities, .* --val --npz"
    ):
        find_best("7", MODELS, folds=(0, 1))
    monkeypatch.setattr(module, "find_best_configuration", lambda *arguments, **options: {"done": True})
    assert find_best("7", MODELS, folds=(0, 1), ensembles=False) == {"done": True}


def test_name_of_an_arm_without_its_configuration_is_refused(results):
    with pytest.raises(ComparisonError, match="give TRAINER__PLANS__CONFIGURATION"):
        find_best("7", ["nnUNetTrainer__nnUNetPlans"], folds=(0,))
