import pytest

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError, ModelFilesError
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.families import FAMILIES
from nnunet_llm4seg.llm.known import KNOWN, paper_layer
from nnunet_llm4seg.llm.source import prepare_layer


@pytest.mark.parametrize("name", KNOWN)
def test_the_size_of_a_layer_is_that_of_the_built_layer(name):
    known = KNOWN[name]
    if known.config["model_type"] not in FAMILIES:
        pytest.skip(f"no family {known.config['model_type']}")
    try:
        layer = build_layer(describe_layer(known.config, known.config["num_hidden_layers"] - 1)).module
    except ModelFilesError as error:  # Qwen3 needs transformers 4.51
        pytest.skip(str(error))
    assert sum(p.numel() for p in layer.parameters()) == known.layer_parameters


def test_the_papers_figures():
    llama = KNOWN["meta-llama/Llama-3.2-1B"]
    assert (llama.layer_parameters, llama.layer_bytes) == (60_821_504, 121_643_008)
    assert KNOWN["deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"].layer_parameters == 46_797_824


def test_the_default_layer_is_the_papers():
    config = LLM4SegConfig()
    assert paper_layer(config.model) == config.layer
    assert paper_layer("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B") == 27


@pytest.mark.parametrize(("model", "says"), [("Qwen/Qwen2.5-0.5B", "0 to 23 with --layer"), ("a/b", "counted from 0")])
def test_other_models_ask_for_a_layer(model, says):
    with pytest.raises(ConfigError, match=says):
        paper_layer(model)


def test_random_weights_of_a_gated_models_shape_need_no_login(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path))
    small = {**KNOWN["meta-llama/Llama-3.2-1B"].config, "hidden_size": 64, "intermediate_size": 32}
    monkeypatch.setitem(KNOWN, "meta-llama/Llama-3.2-1B", KNOWN["meta-llama/Llama-3.2-1B"].__class__(small, "", True))
    prepared = prepare_layer(LLM4SegConfig(weights="random"))
    assert set(prepared.spec.dtypes.values()) == {"bfloat16"}
    assert prepared.tensors["mlp.up_proj.weight"].shape == (32, 64)
