"""A layer of each family against the model's own hidden states, on whichever transformers runs the tests."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import LLAMA, randomise_vectors

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError, ModelFilesError
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.layer_reader import read_layer
from nnunet_llm4seg.llm.model_config import read_model_config
from nnunet_llm4seg.llm.positions import attention_mask, rotary_frequencies, rotary_tables, rotation_of
from nnunet_llm4seg.llm.rotary_scaling import Turns
from nnunet_llm4seg.llm.source import prepare_layer

TOKENS = 12
DECODER = {**LLAMA, "vocab_size": 24, "num_hidden_layers": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GEMMA = {**DECODER, "head_dim": 16, "query_pre_attn_scalar": 7, "hidden_activation": "gelu_pytorch_tanh"}
ENCODER = {
    "vocab_size": 24,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "max_position_embeddings": 40,
    "initializer_range": 0.1,
}
GPT2 = {"vocab_size": 24, "n_embd": 32, "n_head": 4, "n_layer": 4, "n_positions": 40, "initializer_range": 0.1}
DISTILBERT = {
    "vocab_size": 24,
    "dim": 32,
    "hidden_dim": 48,
    "n_heads": 4,
    "n_layers": 4,
    "max_position_embeddings": 40,
    "initializer_range": 0.1,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

# name -> (the configuration in transformers 4's spelling, layers to compare; the last has a norm behind it)
NATIVE = {
    "llama": ({**DECODER, "rope_theta": 500.0}, (0, 2)),
    "llama with biases": ({**DECODER, "attention_bias": True, "mlp_bias": True, "head_dim": 12}, (1,)),
    "llama 3.2": ({**DECODER, "rope_scaling": LLAMA3, "max_position_embeddings": 512}, (1,)),
    "qwen2": ({**DECODER, "model_type": "qwen2"}, (1,)),
    "qwen2 with a window": (
        {
            **DECODER,
            "model_type": "qwen2",
            "use_sliding_window": True,
            "sliding_window": 4,
            "max_window_layers": 1,
        },
        (1, 2),
    ),
    "qwen3": ({**DECODER, "model_type": "qwen3", "head_dim": 16}, (1,)),
    "mistral": ({**DECODER, "model_type": "mistral", "sliding_window": None}, (1,)),
    "mistral with a window": ({**DECODER, "model_type": "mistral", "sliding_window": 4}, (1,)),
    "phi3": ({**DECODER, "model_type": "phi3"}, (1,)),
    "phi3 with a window": ({**DECODER, "model_type": "phi3", "sliding_window": 5}, (1,)),
    "phi3 with a part turned": ({**DECODER, "model_type": "phi3", "partial_rotary_factor": 0.5}, (1,)),
    "gemma": ({**GEMMA, "model_type": "gemma"}, (1,)),
    "gemma2": ({**GEMMA, "model_type": "gemma2", "sliding_window": 4, "attn_logit_softcapping": 0.5}, (0, 1, 2)),
    "gemma3_text": (
        {**GEMMA, "model_type": "gemma3_text", "sliding_window": 4, "sliding_window_pattern": 2, "rope_theta": 300.0},
        (0, 1, 2),
    ),
    "gemma3_text with stretched global layers": (
        {
            **GEMMA,
            "model_type": "gemma3_text",
            "sliding_window": 4,
            "sliding_window_pattern": 3,
            "rope_local_base_freq": 50.0,
            "rope_scaling": {"rope_type": "linear", "factor": 4.0},
        },
        (1, 2),
    ),
    "gpt2": ({**GPT2, "model_type": "gpt2"}, (0, 2)),
    "bert": ({**ENCODER, "model_type": "bert"}, (0, 2)),
    "roberta": ({**ENCODER, "model_type": "roberta"}, (1,)),
    "distilbert": ({**DISTILBERT, "model_type": "distilbert"}, (1,)),
}


def own_configuration(values):
    """transformers' configuration, or a skip where the installed version does not have the family."""
    from transformers import CONFIG_MAPPING

    if values["model_type"] not in CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {values['model_type']}")
    return CONFIG_MAPPING[values["model_type"]].from_dict(values)


def save(folder, values, model=None):
    """Save a tiny model of a family, as its own class does; return the model."""
    from transformers import AutoModel

    torch.manual_seed(0)
    model = model or AutoModel.from_config(own_configuration(values), attn_implementation="eager")
    randomise_vectors(model)
    model.save_pretrained(folder)
    return model.eval()


def our_layer(folder, layer):
    """The layer as the bottleneck makes it, with its description."""
    description = describe_layer(read_model_config(folder), layer)
    built = build_layer(description)
    built.module.eval()
    tensors = read_layer(folder, description.family, layer, built.shapes())
    built.module.load_state_dict(tensors, strict=False)
    assert tensors.keys() == built.shapes().keys()
    return built, description


def run_natively(built, description, tokens):
    """Our layer in the family's own setting."""
    encoder = description.model_type in ("bert", "roberta", "distilbert")
    positions = "rope" if description.rotary_size else "none"
    mask = attention_mask(
        "bidirectional" if encoder else "causal", tokens.shape[1], tokens.dtype, tokens.device, description.window
    )
    rotation = rotation_of(description, positions)
    turns = Turns(rotation, tokens.device).at(tokens.shape[1])
    return built(tokens, mask, rotary_tables(positions, (tokens.shape[1],), turns, "cpu", rotation.factor))


def turns_parts_of_heads() -> bool:
    """Whether the installed Phi-3 knows `partial_rotary_factor` (transformers 4.46 ignores it)."""
    from transformers.models.phi3 import modeling_phi3

    return "rotary_dim" in Path(modeling_phi3.__file__).read_text()


@pytest.mark.parametrize("name", NATIVE)
def test_a_layer_computes_what_its_model_computes(name, tmp_path):
    values, layers = NATIVE[name]
    if "partial_rotary_factor" in values and not turns_parts_of_heads():
        pytest.skip("this transformers turns whole heads only")
    model = save(tmp_path, values)
    ids = torch.randint(3, 24, (2, TOKENS), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        hidden = model(ids, output_hidden_states=True).hidden_states
        for layer in layers:
            built, description = our_layer(tmp_path, layer)
            ours = run_natively(built, description, hidden[layer])
            torch.testing.assert_close(ours, hidden[layer + 1], rtol=1e-5, atol=1e-5)


def model_config(name, **changes):
    values, _ = NATIVE[name]
    own_configuration(values)
    return {**values, **changes}


@pytest.mark.parametrize("spelling", [4, 5])
def test_gemma_3_has_local_layers_with_a_theta_of_their_own(spelling):
    values = model_config("gemma3_text", rope_local_base_freq=50.0)
    if spelling == 5:
        for key in ("rope_theta", "rope_local_base_freq", "sliding_window_pattern"):
            values.pop(key)
        values["layer_types"] = ["sliding_attention", "full_attention"] * 2
        values["rope_parameters"] = {
            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
            "full_attention": {"rope_type": "default", "rope_theta": 300.0},
        }
    found = [describe_layer(values, layer) for layer in range(4)]
    assert [(d.window, d.theta) for d in found] == [(4, 50.0), (None, 300.0)] * 2
    assert rotary_frequencies(found[0], "rope")[1] == pytest.approx(50.0 ** (-2 / 16))
    assert rotary_frequencies(found[1], "rope")[1] == pytest.approx(300.0 ** (-2 / 16))


def test_what_a_config_leaves_out_is_what_transformers_defaults_to():
    values = {k: v for k, v in DECODER.items() if k != "rope_theta"}
    assert describe_layer({**values, "model_type": "gemma"}, 0).rotary_size == 256
    assert describe_layer({**values, "model_type": "mistral"}, 0).window == 4096
    assert describe_layer({**values, "model_type": "qwen2"}, 0).window is None
    assert [describe_layer({**values, "model_type": "gemma2"}, i).window for i in (0, 1)] == [4096, None]
    assert describe_layer({**values, "model_type": "llama"}, 0).theta == 10000.0


def test_a_local_window_bounds_both_sides_of_a_bidirectional_mask():
    seen = attention_mask("bidirectional", 6, torch.float32, "cpu", window=2)[0, 0] == 0
    index = torch.arange(6)
    assert torch.equal(seen, (index[:, None] - index).abs() < 2)
    assert torch.equal(attention_mask("causal", 6, torch.float32, "cpu", window=2)[0, 0] == 0, seen.tril())


def test_gemma_3_with_images_gives_the_layers_of_its_text_model(tmp_path):
    values = model_config("gemma3_text")
    text = save(tmp_path / "text", values)
    config = json.loads((tmp_path / "text" / "config.json").read_text())
    weights = load_file(tmp_path / "text" / "model.safetensors")
    of_text = our_layer(tmp_path / "text", 1)[0].module
    for prefix in ("language_model.model.", "model.language_model."):
        folder = tmp_path / prefix
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": config}))
        save_file(
            {prefix + name.removeprefix("model."): t for name, t in weights.items()}, folder / "model.safetensors"
        )
        ours = our_layer(folder, 1)[0].module
        assert torch.equal(ours.mlp.up_proj.weight, text.layers[1].mlp.up_proj.weight)
        assert ours.state_dict().keys() == of_text.state_dict().keys()


@pytest.mark.parametrize(("family", "head"), [("gpt2", "GPT2LMHeadModel"), ("bert", "BertForMaskedLM")])
def test_a_model_with_a_head_holds_the_same_layer_under_other_names(family, head, tmp_path):
    import transformers

    values = model_config(family)
    model = getattr(transformers, head)(own_configuration(values))
    save(tmp_path, values, model)
    names = load_file(tmp_path / "model.safetensors")
    assert any(name.startswith(f"{model.base_model_prefix}.") for name in names)
    ours = our_layer(tmp_path, 1)[0].module
    theirs = model.base_model.h[1] if family == "gpt2" else model.base_model.encoder.layer[1]
    for name, parameter in ours.named_parameters():
        assert torch.equal(parameter, theirs.get_parameter(name)), name


def test_berts_old_names_of_gains_and_shifts_give_the_same_sha256(tmp_path):
    save(tmp_path / "new", model_config("bert"))
    (tmp_path / "old").mkdir()
    shutil.copy(tmp_path / "new" / "config.json", tmp_path / "old")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(tmp_path / "new" / "model.safetensors").items()
    }
    save_file(old, tmp_path / "old" / "model.safetensors")
    specs = [
        prepare_layer(LLM4SegConfig(model=str(tmp_path / which), layer=1, positions="none")).spec
        for which in ("new", "old")
    ]
    assert specs[0] == specs[1]
    assert "attention.output.LayerNorm.weight" in specs[0].dtypes


@pytest.mark.parametrize("family", ["gpt2", "bert", "roberta", "distilbert"])
@pytest.mark.parametrize("positions", ["paper", "rope", "axial"])
def test_layers_without_rotary_tables_allow_positions_none_only(family, positions):
    described = describe_layer(model_config(family), 0)
    with pytest.raises(ConfigError, match=f"{positions}.*{family}, whose layers take no rotary tables; set .* none"):
        rotary_frequencies(described, positions)
    assert rotary_frequencies(described, "none") == []


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("bert", {"position_embedding_type": "relative_key"}),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
        ("gpt2", {"scale_attn_weights": False}),
        ("gemma3_text", {"attn_logit_softcapping": 30.0}),
    ],
)
def test_what_would_have_to_be_dropped_is_refused(name, changes):
    with pytest.raises(ModelFilesError, match=f"{next(iter(changes))} .* is not supported, only"):
        describe_layer(model_config(name, **changes), 0)


@pytest.mark.parametrize(
    ("family", "architecture"),
    [("llama", "BitnetForCausalLM"), ("qwen2", "LlamaForCausalLM"), ("bert", "RobertaModel")],
)
def test_an_architecture_that_contradicts_the_model_type_is_refused(family, architecture):
    with pytest.raises(ModelFilesError, match=f"model_type '{family}', but architecture '{architecture}'"):
        describe_layer(model_config(family, architectures=[architecture]), 0)


def test_architectures_of_published_models_are_taken():
    for family, name in (("llama", "LLaMAForCausalLM"), ("gpt2", "GPT2LMHeadModel"), ("bert", "BertForPreTraining")):
        assert describe_layer(model_config(family, architectures=[name]), 0).notes == ()


def test_code_of_a_models_own_and_is_causal_false_are_said(llama, tmp_path, caplog):
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    config = json.loads((llama / "config.json").read_text())
    config |= {"auto_map": {"AutoModel": "modeling_x.X"}, "is_causal": False}
    (tmp_path / "config.json").write_text(json.dumps(config))
    prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))
    assert "auto_map" in caplog.text and "never run" in caplog.text
    assert "is_causal false" in caplog.text and "attention bidirectional" in caplog.text


@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_causal_attention_of_a_vision_transformer_is_warned_of(attention, tmp_path, caplog):
    values = {**ENCODER, "model_type": "siglip_vision_model", "image_size": 16, "patch_size": 4}
    (tmp_path / "config.json").write_text(json.dumps(values))
    prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1, weights="random", positions="none", attention=attention))
    told = "the layer is of a vision transformer (siglip_vision_model)" in caplog.text
    assert told == (attention == "causal")


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        ("gptq", "unquantised model"),
        ("awq", "unquantised"),
        ("bitsandbytes", "dequantize"),
        ("mxfp4", "unquantised"),
    ],
)
def test_a_quantised_model_is_named_before_anything_is_looked_for(method, advice, tmp_path):
    config = model_config("llama", quantization_config={"quant_method": method, "bits": 4}, model_type="none_of_ours")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFilesError, match=f"quant_method '{method}'.*{advice}"):
        prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))


def test_planning_for_a_quantised_model_is_refused_too(tmp_path):
    from nnunet_llm4seg.plans.make import make_plans

    config = model_config("llama", quantization_config={"load_in_4bit": True})
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFilesError, match="bitsandbytes"):
        make_plans({"plans_name": "P", "configurations": {}}, [], {"model": str(tmp_path), "layer": 1}, "Q")


def test_gemma_3_with_scaling_nested_by_layer_type_keeps_its_factor():
    nested = {
        "full_attention": {"rope_type": "linear", "factor": 8.0},
        "sliding_attention": {"rope_type": "default"},
    }
    values = model_config("gemma3_text", rope_scaling=nested)
    found = [rotary_frequencies(describe_layer(values, layer), "rope") for layer in range(2)]
    plain = model_config("gemma3_text")
    expected = [rotary_frequencies(describe_layer(plain, layer), "rope") for layer in range(2)]
    assert found[0] == expected[0]
    assert found[1] == pytest.approx([frequency / 8 for frequency in expected[1]])
    with pytest.raises(ModelFilesError, match="none for 'sliding_attention'"):
        del nested["sliding_attention"]
        describe_layer(model_config("gemma3_text", rope_scaling=nested), 0)


def test_a_factor_without_a_type_is_not_dropped():
    described = describe_layer(model_config("llama", rope_scaling={"factor": 8.0, "rope_type": None}), 0)
    with pytest.raises(ConfigError, match="'without a name'"):
        rotary_frequencies(described, "rope")


def test_a_part_of_a_head_that_transformers_cannot_turn_is_refused():
    values = model_config("phi3 with a part turned")
    if turns_parts_of_heads():
        assert describe_layer(values, 0).rotary_size == 4
    else:
        with pytest.raises(ModelFilesError, match=r"rotates 4 of each head's 8 dimensions .*transformers .*newer"):
            build_layer(describe_layer(values, 0))


def test_a_family_that_is_too_new_is_named_with_the_installed_version():
    import transformers

    values, _ = NATIVE["qwen3"]
    if "qwen3" in transformers.CONFIG_MAPPING:
        assert isinstance(build_layer(describe_layer(values, 0)).module, torch.nn.Module)
    else:
        with pytest.raises(ModelFilesError, match=f"'qwen3' is unknown to .* {transformers.__version__}"):
            describe_layer(values, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": "many"},
        {"num_hidden_layers": None},
        {"hidden_size": "x"},
        {"num_attention_heads": 0},
        {"rope_theta": "base"},
        {"rope_scaling": [1]},
        {"rope_parameters": 3},
    ],
    ids=str,
)
def test_a_config_json_that_makes_no_sense_is_one_sentence(changes):
    with pytest.raises(ModelFilesError, match=r"^model: [^\n]*config\.json[^\n]*fetch the model again"):
        describe_layer(model_config("llama", **changes), 0)


def test_a_composite_without_its_text_part_is_refused():
    with pytest.raises(ModelFilesError, match="no text_config"):
        describe_layer({"model_type": "gemma3"}, 0)


@pytest.mark.parametrize("name", ["gpt2", "bert", "gemma", "llama"])
def test_random_gains_are_those_with_which_training_starts(name):
    from nnunet_llm4seg.llm.controls import random

    layer = build_layer(describe_layer(model_config(name), 0)).module
    gains = {n: t for n, t in random(layer, 0.02, torch.float32, 0).items() if t.ndim == 1 and n.endswith("weight")}
    assert gains
    assert all(bool((gain == (0.0 if name == "gemma" else 1.0)).all()) for gain in gains.values())


@pytest.mark.parametrize("name", ["gpt2", "bert", "gemma2", "phi3"])
def test_a_layer_compiles_to_one_graph(name, tmp_path):
    save(tmp_path, model_config(name))
    built, description = our_layer(tmp_path, 1)
    tokens = torch.randn(2, TOKENS, 32)
    torch.compiler.reset()  # else the tests before count as recompilations
    with torch.no_grad():
        mask = attention_mask("causal", TOKENS, tokens.dtype, tokens.device)
        tables = rotary_tables("none", (TOKENS,), rotary_frequencies(description, "none"))
        compiled = torch.compile(built.__call__, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(tokens, mask, tables), built(tokens, mask, tables))
