import importlib
import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from nnunet_llm4seg.config import LLM4SegConfig, settings
from nnunet_llm4seg.errors import ConfigError


def test_defaults_are_the_papers():
    config = LLM4SegConfig()
    assert (config.model, config.layer) == ("meta-llama/Llama-3.2-1B", 14)
    assert (config.weights, config.trainable, config.residual) == ("pretrained", False, "none")
    assert (config.attention, config.positions, config.stage) == ("causal", "paper", -1)


def test_dict_round_trip_keeps_every_field():
    config = LLM4SegConfig(model="a/b", layer=3, trainable=True, seed=7, embed_weights=False)
    assert LLM4SegConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"attention": "full"}, ["'full'", "causal, bidirectional"]),
        ({"positions": "alibi"}, ["'alibi'", "paper, rope, axial, none"]),
        ({"weights": "zero"}, ["'zero'", "pretrained, shuffled, random"]),
        ({"layer": -1}, ["layer", "-1"]),
        ({"layer": "3"}, ["layer", "'3'", "int"]),
        ({"layer": True}, ["layer", "True"]),
        ({"trainable": 1}, ["trainable", "1", "bool"]),
        ({"stage": 0}, ["stage", "0", "-1, -2"]),
        ({"model": " "}, ["model"]),
        ({"seed": -1}, ["seed"]),
        ({"max_tokens": 0}, ["max_tokens", "0", "1 or more"]),
        ({"modle": "x"}, ["modle", "model, revision"]),
    ],
)
def test_bad_value_is_named_with_what_is_allowed(values, names):
    with pytest.raises(ConfigError) as error:
        LLM4SegConfig.from_dict(values)
    assert all(name in str(error.value) for name in names)


def test_the_page_on_settings_names_every_field_its_values_and_its_default():
    page = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line] for line in lines]
    table = {row[0].strip("`"): row[1:] for row in rows}
    assert list(table)[: len(settings())] == [setting.name for setting in settings()]
    for setting in settings():
        values, default = table[setting.name]
        shown = "none" if setting.default is None else str(setting.default)
        assert default.strip("`") == (shown.lower() if setting.kind is bool else shown), setting.name
        assert set(setting.allowed) <= set(re.findall(r"`([a-z0-9]+)`", values)), setting.name


def test_the_options_of_plan_are_the_fields_with_their_help_and_values():
    command = get_command(registered("plan"))
    options = {option.name: option for option in command.params}
    own = ["dataset", "configuration", "source", "name", "protocol", "backbone", "patch_size", "token_grid"]
    assert [name for name in options if name != "help"] == own + [setting.name for setting in settings()]
    for setting in settings():
        option = options[setting.name]
        assert f"--{setting.name.replace('_', '-')}" in option.opts and option.default is None
        assert setting.help[1:] in option.help
        assert all(value in option.help for value in setting.allowed)
    assert options["embed_weights"].secondary_opts == ["--no-embed-weights"]
    assert options["trainable"].secondary_opts == ["--no-trainable"]


def registered(name):
    """A typer app with one of our commands alone."""
    cli = importlib.import_module(f"nnunet_llm4seg.cli.{name}")
    app = typer.Typer(add_completion=False)
    app.command()(getattr(cli, name))
    return app
