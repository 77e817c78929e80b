"""The command of a training and its variables."""

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import attempts, process
from nnunet_llm4seg.study.file import parse_study
from nnunet_llm4seg.study.trainings import StudyData, list_trainings

TEXT = """
study: s
datasets: [1]
configuration: 2d
epochs: 5
arms: {vanilla: vanilla, frozen: {layer: 1}}
engine: {kind: local, gpus: [0, 1], gpus_per_training: 2}
"""
DATA = StudyData("Dataset001_X", "2d", (("a",), ("b",)), ".png")


def test_a_training_is_nnunets_own_command_on_the_gpus_of_its_slot(tmp_path):
    study = parse_study(TEXT, tmp_path, "s.yaml")
    *_, training = list_trainings(study, [DATA])
    assert process.command(study, training) == [
        *("nnUNetv2_train", "Dataset001_X", "2d", "1", "-tr", "nnUNetTrainerLLM4Seg_5epochs"),
        *("-p", "nnUNetPlans_s_frozen", "-device", "cuda", "-num_gpus", "2"),
    ]


def test_nnunets_own_wandb_logger_gets_arm_fold_and_run_as_its_name(tmp_path):
    study = parse_study(TEXT, tmp_path, "s.yaml")
    found = process.variables(study, list_trainings(study, [DATA])[0])
    assert found["WANDB_NAME"] == "Dataset001_X vanilla fold 0 run 1" and found["WANDB_RUN_GROUP"] == "s"
    assert found["nnUNet_results"] == str(tmp_path / "s/results/run_1")


def test_what_the_engine_answers_to_a_signal_is_the_fault_of_the_training(tmp_path, monkeypatch):
    def ended(*_):
        raise StudyError("it was ended three times")

    monkeypatch.setattr(process, "_run", ended)
    study = parse_study(TEXT, tmp_path, "s.yaml")
    training = list_trainings(study, [DATA])[0]
    training.folder.mkdir(parents=True)
    assert process.train(study, training) == process.FAILED
    (attempt,) = attempts.read_attempts(training)
    assert (attempt.outcome, attempt.fault) == (attempts.FAILED, "it was ended three times")
