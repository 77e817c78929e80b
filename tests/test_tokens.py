import json

import pytest

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.tokens import refuse_too_many_tokens
from nnunet_llm4seg.trainer.settings import read_results, resolve, write_into

STRIDES = [1, 2, 2, 2, 2]


def test_the_default_allows_every_bottleneck_and_refuses_shallow_stages():
    refuse_too_many_tokens(STRIDES, (128, 128, 128), LLM4SegConfig())
    with pytest.raises(ConfigError, match=r"stage -3 has 32x32x32 = 32768 tokens at patch size 128x128x128, but 4096"):
        refuse_too_many_tokens(STRIDES, (128, 128, 128), LLM4SegConfig(stage=-3))


def test_whoever_asks_gets_as_many_tokens_as_asked():
    config = {"stage": -3, "max_tokens": 32768}
    refuse_too_many_tokens(STRIDES, (128, 128, 128), LLM4SegConfig(**config))
    with pytest.raises(ConfigError, match="--max-tokens 35937"):
        refuse_too_many_tokens(STRIDES, (129, 129, 129), LLM4SegConfig(**config))


def test_results_that_are_older_than_the_field_can_be_continued(llama, tmp_path):
    fields = {"model": str(llama), "layer": 1}
    plans = {"plans_name": "P", "configurations": {"2d": {"architecture": {"llm4seg": fields}}}}
    settings = resolve(plans, "2d", "T", {}, tmp_path)
    write_into(plans, "2d", settings)
    del plans["configurations"]["2d"]["architecture"]["llm4seg_resolved"]["config"]["max_tokens"]
    (tmp_path / "plans.json").write_text(json.dumps(plans))
    assert read_results(tmp_path, "2d") == settings
    assert resolve(plans, "2d", "T", {}, tmp_path) == settings
