import pytest

from nnunet_llm4seg.config import LLM4SegConfig
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
