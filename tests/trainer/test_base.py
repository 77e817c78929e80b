"""The trainer in one process, on plans made by hand and without data."""

import copy
import json
import math
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from hand_made_plans import DATASET, plans
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.errors import (
    DatasetError,
    LayerMismatchError,
    ModelNotFoundError,
    NonFiniteError,
    SettingsConflictError,
)
from nnunet_llm4seg.nnunet.logs import read_training_log
from nnunet_llm4seg.trainer.variants import TRAINERS


def trainer(llama, name="nnUNetTrainerLLM4Seg", fold=0, **fields):
    made = TRAINERS[name](
        plans(**{"model": str(llama), "layer": 1, **fields}), "2d", fold, DATASET, torch.device("cpu")
    )
    made.initialize()
    return made


def batch(value=None) -> dict:
    data = torch.randn(2, 1, 16, 16) if value is None else torch.full((2, 1, 16, 16), value)
    return {"data": data, "target": [torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 8, 8)]}


def test_only_trainable_parameters_reach_the_optimiser(folders, llama):
    for name, trained in (("nnUNetTrainerLLM4Seg", False), ("nnUNetTrainerLLM4SegTrainable", True)):
        made = trainer(llama, name)
        held = {id(p) for group in made.optimizer.param_groups for p in group["params"]}
        layer = {id(p) for p in made.bottleneck.layer.parameters()}
        assert layer <= held if trained else not layer & held
        assert {id(p) for p in made.network.parameters() if p.requires_grad} == held


def test_a_training_step_moves_the_adapters_and_not_the_layer(folders, llama):
    made = trainer(llama)
    made._load_layer()
    before = copy.deepcopy(made.bottleneck.state_dict())
    made.train_step(batch())
    after = made.bottleneck.state_dict()
    assert {k for k in before if not torch.equal(before[k], after[k])} == {
        f"{adapter}.{part}" for adapter in ("adapter1", "adapter2") for part in ("weight", "bias")
    }


def test_a_non_finite_output_stops_the_training_and_says_so(folders, llama):
    made = trainer(llama)
    made._load_layer()
    with pytest.raises(NonFiniteError, match=r"inf or nan in epoch 0; training stops here"):
        made.train_step(batch(float("nan")))


def test_a_step_with_an_inf_of_the_encoders_is_counted_where_a_gradscaler_skips_it(folders, llama, monkeypatch):
    made = trainer(llama)
    made._load_layer()
    monkeypatch.setattr(nnUNetTrainer, "train_step", lambda self, batch: self.network(batch["data"]) and {"loss": 0.0})
    made.grad_scaler = torch.amp.GradScaler("cpu")
    made.train_step(batch(float("inf")))
    assert (made.numerics.steps, made.numerics.skipped) == (1, 1)
    made.logger.log("epoch_start_timestamps", 0.0, 0)
    made.on_train_epoch_end([{"loss": 0.0}])
    assert "in 1 of 1 steps the encoder's output was inf or nan" in Path(made.log_file).read_text()


def one_epoch(made, epoch=0):
    made.current_epoch = epoch
    made.on_epoch_start()
    made.on_train_epoch_start()
    made.on_train_epoch_end([made.train_step(batch())])


def test_the_layers_share_is_in_the_log_the_logger_and_the_checkpoint_of_every_epoch(folders, llama, tmp_path):
    made = trainer(llama, "nnUNetTrainerLLM4SegGated")
    made._load_layer()
    with torch.no_grad():
        made.bottleneck.gate.fill_(0.25)
    one_epoch(made)
    one_epoch(made, 1)
    shares, gates = (made.logger.get_checkpoint()[key] for key in ("llm4seg_share", "llm4seg_gate"))
    assert len(shares) == 2 and shares[1] == made.bottleneck.share.item() > 0
    assert gates[1] == made.bottleneck.gate.item()
    log = read_training_log(Path(made.output_folder))
    assert log.layer_share == {0: pytest.approx(shares[0], rel=0.01), 1: pytest.approx(shares[1], rel=0.01)}
    assert log.gate == {0: pytest.approx(gates[0], rel=0.01), 1: pytest.approx(gates[1], rel=0.01)}
    made.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    again = trainer(llama, "nnUNetTrainerLLM4SegGated")
    again.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    assert again.logger.get_checkpoint()["llm4seg_share"] == shares


def test_a_checkpoint_without_shares_continues_and_nnunet_plots_all_its_epochs(folders, llama, tmp_path, monkeypatch):
    old, made = trainer(llama), trainer(llama)
    for key, values in old.logger.get_checkpoint().items():
        values.extend([0.5] * 2 if key != "epoch_start_timestamps" else [0.0] * 2)
    old._load_layer()
    old.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    made.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    one_epoch(made, 2)
    held = made.logger.get_checkpoint()
    assert [math.isnan(share) for share in held["llm4seg_share"]] == [True, True, False]
    assert "llm4seg_gate" not in held
    for key in ("mean_fg_dice", "val_losses", "lrs", "epoch_end_timestamps", "dice_per_class_or_region"):
        made.logger.log(key, 0.5, 2)
    made.logger.plot_progress_png(str(tmp_path))
    assert (tmp_path / "progress.png").is_file()


def test_a_training_that_ends_as_vanilla_in_disguise_says_so(folders, llama, monkeypatch):
    monkeypatch.setattr(nnUNetTrainer, "on_train_end", lambda *_: None)
    made = trainer(llama, "nnUNetTrainerLLM4SegGated")
    made._load_layer()
    made.on_train_end()  # without an epoch there is nothing to say
    assert "WARNING" not in Path(made.log_file).read_text()
    one_epoch(made)
    made.on_train_end()
    assert "WARNING: at the end the path through the layer is 0 % of" in Path(made.log_file).read_text()


def test_epoch_suffixes_set_the_number_of_epochs(folders, llama):
    assert trainer(llama, "nnUNetTrainerLLM4Seg_5epochs").num_epochs == 5
    assert trainer(llama).num_epochs == 1000
    assert trainer(llama).save_every == 10


def test_the_resolved_settings_are_in_plans_and_configuration(folders, llama):
    made = trainer(llama)
    entry = made.plans_manager.plans["configurations"]["2d"]["architecture"]["llm4seg_resolved"]
    assert entry == made.configuration_manager.configuration["architecture"]["llm4seg_resolved"]
    assert json.loads(json.dumps(entry)) == entry == made.settings.to_dict()


def test_two_first_folds_at_once_cannot_disagree(folders, llama):
    first, second, third = trainer(llama), trainer(llama, fold=1), trainer(llama, fold=2, layer=2)
    first._claim_results()
    second._claim_results()
    path = folders / "nnUNet_results" / "Dataset001_X" / "nnUNetTrainerLLM4Seg__P__2d" / "plans.json"
    before = path.read_bytes()
    with pytest.raises(SettingsConflictError, match="layer: this training asks for 2"):
        third._claim_results()
    assert path.read_bytes() == before


def test_nothing_is_written_where_the_settings_are_wrong(folders, llama):
    with pytest.raises(ModelNotFoundError):
        trainer("/gone")
    with pytest.raises(SettingsConflictError, match=r"weights: the plans 'P' set 'random'"):
        trainer(llama, "nnUNetTrainerLLM4SegShuffled", weights="random")
    assert not list((folders / "nnUNet_results").iterdir())


def test_an_unset_results_folder_is_named(folders, llama, monkeypatch):
    monkeypatch.delenv("nnUNet_results")
    with pytest.raises(DatasetError, match="nnUNet_results is not set"):
        trainer(llama)


def test_data_that_are_not_preprocessed_are_named(folders, llama):
    (folders / "nnUNet_preprocessed" / "Dataset001_X" / "P_2d" / "case.b2nd").unlink()
    with pytest.raises(DatasetError, match=r"not preprocessed for 2d .*nnUNetv2_preprocess -d 1 "):
        trainer(llama)


def test_pretrained_weights_fill_the_layer_and_must_hold_the_right_one(folders, llama, tmp_path):
    from nnunetv2.run.load_pretrained_weights import load_pretrained_weights

    right, wrong = trainer(llama), trainer(llama, name="nnUNetTrainerLLM4Seg_5epochs", layer=2)
    for source in (right, wrong):
        source._load_layer()
        source.save_checkpoint(str(tmp_path / f"{source.bottleneck.config.layer}.pth"))
    made = trainer(llama)
    with pytest.raises(LayerMismatchError):
        load_pretrained_weights(made.network, str(tmp_path / "2.pth"))
    load_pretrained_weights(made.network, str(tmp_path / "1.pth"))
    assert made.bottleneck.loaded
    assert torch.equal(made.bottleneck.adapter1.weight, right.bottleneck.adapter1.weight)


def test_a_trainable_layer_continues_from_what_it_learned(folders, llama, tmp_path):
    first = trainer(llama, "nnUNetTrainerLLM4SegTrainable")
    first._load_layer()
    first.train_step(batch())
    first.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    again = trainer(llama, "nnUNetTrainerLLM4SegTrainable")
    again.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    again._load_layer()
    state = first.network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.network.state_dict().items())


def test_debug_json_names_nnunets_version_and_the_checkpoint_that_was_validated(folders, llama, monkeypatch):
    monkeypatch.setattr(nnUNetTrainer, "perform_actual_validation", lambda *_: None)
    made = trainer(llama)
    made._load_layer()
    made._save_debug_information()
    debug = Path(made.output_folder) / "debug.json"
    made.perform_actual_validation()
    recorded = json.loads(debug.read_text())
    assert recorded["nnunetv2_version"] == version("nnunetv2")
    assert recorded["validated_checkpoint"] == "checkpoint_final.pth"
    best = Path(made.output_folder) / "checkpoint_best.pth"
    made.save_checkpoint(str(best))
    made.load_checkpoint(str(best))  # as --val_best does
    made.perform_actual_validation()
    assert json.loads(debug.read_text()) == {**recorded, "validated_checkpoint": "checkpoint_best.pth"}


def test_the_gpus_peak_memory_is_logged_for_the_comparison(folders, llama, monkeypatch):
    monkeypatch.setattr(nnUNetTrainer, "on_train_end", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda *_: 1_234_000_000)
    made = trainer(llama)
    made.on_train_end()
    assert read_training_log(Path(made.output_folder)).peak_memory_mb is None
    made.device = torch.device("cuda")
    made.on_train_end()
    assert read_training_log(Path(made.output_folder)).peak_memory_mb == 1234
