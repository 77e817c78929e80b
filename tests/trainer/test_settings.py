import json
import re

import pytest

from nnunet_llm4seg.errors import ConfigError, DatasetError, ModelNotFoundError, SettingsConflictError
from nnunet_llm4seg.trainer.settings import read_results, requested, resolve, settings_in, write_into


def plans_with(configuration="2d", **fields) -> dict:
    architecture = {"network_class_name": "net", "llm4seg": fields}
    return {"plans_name": "P", "configurations": {configuration: {"architecture": architecture}}}


def trained(folder, plans, settings, configuration="2d") -> None:
    """Write a results folder's plans.json as a first training does."""
    write_into(plans, configuration, settings)
    folder.mkdir(exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans))


def test_defaults_plan_and_trainer_are_merged():
    config = requested(plans_with(model="m", layer=2), "2d", "T", {"weights": "random"})
    assert (config.model, config.layer, config.weights, config.attention) == ("m", 2, "random", "causal")


def test_plan_and_trainer_may_agree_but_not_contradict():
    assert requested(plans_with(weights="random"), "2d", "T", {"weights": "random"}).weights == "random"
    with pytest.raises(
        SettingsConflictError, match=r"weights: the plans 'P' set 'shuffled', but the trainer T sets 'random'"
    ):
        requested(plans_with(weights="shuffled"), "2d", "T", {"weights": "random"})


def test_an_unknown_field_in_a_plan_is_named():
    with pytest.raises(ConfigError, match="layers: there is no such field"):
        requested(plans_with(layers=3), "2d", "T", {})


def test_an_unknown_configuration_is_named():
    with pytest.raises(DatasetError, match=r"'3d' has no architecture.*2d"):
        requested(plans_with(), "3d", "T", {})


def test_first_training_resolves_completely_and_survives_json(llama, tmp_path):
    plans = plans_with(model=str(llama), layer=1)
    settings = resolve(plans, "2d", "T", {}, tmp_path)
    assert settings.config.attention == "causal"
    assert settings.spec.model_config["hidden_size"] == 32
    assert re.fullmatch("[0-9a-f]{64}", settings.spec.sha256)
    trained(tmp_path, plans, settings)
    assert read_results(tmp_path, "2d") == settings
    entry = json.loads((tmp_path / "plans.json").read_text())["configurations"]["2d"]["architecture"]
    assert entry["llm4seg"] == {"model": str(llama), "layer": 1}
    assert settings_in(entry) == settings


def test_results_are_the_truth_even_without_the_model(llama, tmp_path):
    plans = plans_with(model=str(llama), layer=1)
    settings = resolve(plans, "2d", "T", {}, tmp_path)
    trained(tmp_path, plans, settings)
    settings.spec.model_config["hidden_size"] = 32
    gone = plans_with(model=str(llama), layer=1)
    assert resolve(gone, "2d", "T", {}, tmp_path) == settings
    with pytest.raises(ModelNotFoundError):
        resolve(plans_with(model="/gone"), "2d", "T", {}, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"layer": 2}, "layer: this training asks for 2, .* trained with 1"),
        ({"model": "other"}, "model: this training asks for 'other'"),
        ({"positions": "rope"}, "positions: this training asks for 'rope', .* trained with 'paper'"),
        ({"embed_weights": False}, "embed_weights: this training asks for False"),
    ],
)
def test_a_training_that_differs_from_its_results_in_any_field_stops(llama, tmp_path, change, values):
    plans = plans_with(model=str(llama), layer=1)
    trained(tmp_path, plans, resolve(plans, "2d", "T", {}, tmp_path))
    before = (tmp_path / "plans.json").read_bytes()
    with pytest.raises(SettingsConflictError, match=values):
        resolve(plans_with(**{"model": str(llama), "layer": 1, **change}), "2d", "T", {}, tmp_path)
    assert (tmp_path / "plans.json").read_bytes() == before


def test_an_inherited_architecture_is_copied_whole(llama, tmp_path):
    plans = plans_with(model=str(llama), layer=1)
    plans["configurations"]["2d_small"] = {"inherits_from": "2d", "batch_size": 1}
    write_into(plans, "2d_small", resolve(plans, "2d_small", "T", {}, tmp_path))
    assert plans["configurations"]["2d_small"]["architecture"]["network_class_name"] == "net"
    assert "llm4seg_resolved" not in plans["configurations"]["2d"]["architecture"]


def test_plans_without_resolved_settings_cannot_build_a_network():
    with pytest.raises(ConfigError, match=r"llm4seg_resolved is missing"):
        settings_in({})


def test_a_damaged_plans_file_stops_with_its_name(tmp_path, monkeypatch):
    import nnunet_llm4seg.trainer.settings as module

    (tmp_path / "plans.json").write_text("{")
    monkeypatch.setattr(module.time, "sleep", lambda s: None)
    monkeypatch.setattr(module.time, "monotonic", iter(range(0, 1000, 4)).__next__)
    with pytest.raises(DatasetError, match=r"plans\.json is damaged"):
        read_results(tmp_path, "2d")


def test_resolved_settings_carry_a_format_number_and_those_without_one_are_format_1(llama, tmp_path):
    plans = plans_with(model=str(llama), layer=1)
    settings = resolve(plans, "2d", "T", {}, tmp_path)
    trained(tmp_path, plans, settings)
    entry = plans["configurations"]["2d"]["architecture"]["llm4seg_resolved"]
    assert entry["format"] == 1
    first = {name: value for name, value in entry.items() if name != "format"}
    assert settings_in({"llm4seg_resolved": first}) == settings
    with pytest.raises(ConfigError, match=r"format 2 is not known .* update nnunet_llm4seg"):
        settings_in({"llm4seg_resolved": {**first, "format": 2}})
