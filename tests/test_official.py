"""The official constructor, and the pages' code."""

import re
from pathlib import Path

import pytest
import torch
from tiny_models import save_model

import nnunet_llm4seg
from nnunet_llm4seg import official
from nnunet_llm4seg.errors import ConfigError, ModelNotFoundError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bottleneck.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def models(llama, tmp_path, monkeypatch):
    """Tiny models in place of the two published ones."""
    qwen = save_model(tmp_path / "qwen", model_type="qwen2")
    monkeypatch.setattr(official, "MODES", {"llama": str(llama), "deepseek": str(qwen)})
    return official.MODES


@pytest.mark.parametrize("mode", ["llama", "deepseek"])
def test_the_official_arguments_give_the_preset_paper(models, mode):
    torch.manual_seed(0)
    theirs = nnunet_llm4seg.LLM4Seg(6, 1, False, False, 4, 4, mode)
    torch.manual_seed(0)
    config = nnunet_llm4seg.LLM4SegConfig(model=models[mode], layer=1)
    ours = nnunet_llm4seg.LLMBottleneck(6, config)
    x = torch.randn(2, 6, 4, 4)
    assert theirs.config == config
    assert torch.equal(theirs(x), ours(x))


def test_the_defaults_are_the_official_ones_and_the_modes_the_papers_models():
    import inspect

    parameters = inspect.signature(nnunet_llm4seg.LLM4Seg).parameters
    assert {name: p.default for name, p in parameters.items() if p.default is not p.empty} == {
        "unfreeze": False,
        "need_init": False,
        "h": 16,
        "w": 16,
        "mode": "llama",
    }
    assert official.MODES["llama"] == nnunet_llm4seg.LLM4SegConfig().model
    assert official.MODES["deepseek"] == "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"


def test_unfreeze_trains_the_layer_and_need_init_makes_every_parameter_fresh(models):
    frozen, trained = nnunet_llm4seg.LLM4Seg(6, 1), nnunet_llm4seg.LLM4Seg(6, 1, unfreeze=True)
    assert not any(p.requires_grad for p in frozen.layer.parameters())
    assert all(p.requires_grad for p in trained.layer.parameters())
    fresh = nnunet_llm4seg.LLM4Seg(6, 1, need_init=True)
    assert (fresh.layer.input_layernorm.weight == 1).all()
    assert not (frozen.layer.input_layernorm.weight == 1).any()


def test_any_grid_works_whatever_h_and_w(models):
    block = nnunet_llm4seg.LLM4Seg(6, 1, h=16, w=16)
    for grid in ((3, 5), (2, 3, 4)):
        assert block(torch.randn(1, 6, *grid)).shape == (1, 6, *grid)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"mode": "gpt"}, "mode: 'gpt' is not allowed; choose one of llama, deepseek"),
        ({"h": 0}, "h: 0 is not allowed"),
        ({"w": 2.5}, "w: 2.5 is not allowed"),
        ({"channel": "6"}, "channel: '6' is not allowed"),
        ({"layer": -1}, "layer: -1 is not allowed"),
    ],
)
def test_bad_arguments_are_named(models, arguments, sentence):
    with pytest.raises(ConfigError, match=sentence):
        nnunet_llm4seg.LLM4Seg(**{"channel": 6, "layer": 1, **arguments})


def test_a_model_that_is_not_there_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(official, "MODES", {"llama": str(tmp_path / "nowhere")})
    with pytest.raises(ModelNotFoundError, match="nowhere"):
        nnunet_llm4seg.LLM4Seg(6, 1)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_pages_code_runs(number, models):
    code = BLOCKS[number]
    if "monai" in code:
        pytest.importorskip("monai")
    assert "layer=14" in code
    code = code.replace("meta-llama/Llama-3.2-1B", models["llama"]).replace("layer=14", "layer=1")
    exec(compile(code, f"{PAGE.name} block {number}", "exec"), {"__name__": "page"})
