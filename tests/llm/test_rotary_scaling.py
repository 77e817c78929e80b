"""Long-context scalings of rotary tables against the models' own hidden states, and what is refused."""

from dataclasses import replace

import pytest
import torch
from test_families import DECODER, TOKENS, our_layer, run_natively, save
from tiny_models import LLAMA, save_model

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.layer import LLMLayer
from nnunet_llm4seg.llm.positions import rotation_of

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
LONG = {"type": "longrope", "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [2.0, 4.0, 8.0, 9.0]}
DYNAMIC = {"rope_type": "dynamic", "factor": 3.0}
PHI3 = {**DECODER, "model_type": "phi3", "rope_scaling": LONG}

MODELS = {
    "yarn": {**DECODER, "max_position_embeddings": 256, "rope_scaling": YARN},
    "yarn with a factor for the attention": {
        **DECODER,
        "max_position_embeddings": 256,
        "rope_scaling": {**YARN, "attention_factor": 1.7, "beta_fast": 16},
    },
    "longrope within the trained context": {
        **PHI3,
        "max_position_embeddings": 512,
        "original_max_position_embeddings": 64,
    },
    "longrope beyond it": {**PHI3, "max_position_embeddings": 512, "original_max_position_embeddings": TOKENS - 1},
    "dynamic within the trained context": {**DECODER, "max_position_embeddings": TOKENS, "rope_scaling": DYNAMIC},
    "dynamic beyond it": {**DECODER, "max_position_embeddings": TOKENS - 5, "rope_scaling": DYNAMIC},
}


@pytest.mark.parametrize("name", MODELS)
def test_a_scaled_layer_computes_what_its_model_computes(name, tmp_path):
    import transformers

    if "dynamic" not in name and transformers.__version__.startswith("4.4"):
        pytest.skip("this transformers' own models take the trained context from another field")
    model = save(tmp_path, MODELS[name])
    ids = torch.randint(3, 24, (2, TOKENS), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        hidden = model(ids, output_hidden_states=True).hidden_states
        built, description = our_layer(tmp_path, 1)
        ours = run_natively(built, description, hidden[1])
    assert (ours - hidden[2]).abs().max() / hidden[2].abs().max() < 5e-7
    unscaled = run_natively(built, describe_layer({**MODELS[name], "rope_scaling": None}, 1), hidden[1])
    assert torch.allclose(ours, unscaled) == (name == "dynamic within the trained context")


def test_yarn_is_the_same_with_every_transformers():
    rotation = rotation_of(describe_layer(MODELS["yarn"], 0), "rope")
    assert rotation.factor == pytest.approx(1.1386294361)
    assert rotation.frequencies == pytest.approx([1.0, 0.0625, 0.0025, 0.00025])


def test_longrope_is_the_same_with_every_transformers():
    rotation = rotation_of(describe_layer(MODELS["longrope within the trained context"], 0), "rope")
    plain = [10000.0 ** (-2 * pair / 8) for pair in range(4)]
    assert rotation.frequencies == pytest.approx([f / s for f, s in zip(plain, LONG["short_factor"], strict=True)])
    assert rotation.beyond == pytest.approx([f / s for f, s in zip(plain, LONG["long_factor"], strict=True)])
    assert (rotation.context, rotation.factor) == (64, pytest.approx(1.2247448714))


def test_phi_3s_older_name_of_longrope_is_read():
    found = describe_layer(MODELS["longrope beyond it"], 0)
    older = replace(found, scaling={"type": "su", **{name: LONG[name] for name in ("short_factor", "long_factor")}})
    assert rotation_of(older, "rope") == rotation_of(found, "rope")


@pytest.mark.parametrize(("positions", "scaled"), [("rope", True), ("axial", False)])
def test_the_trained_context_is_counted_along_the_axes_that_turn(tmp_path, positions, scaled):
    folder = save_model(tmp_path, max_position_embeddings=8, rope_scaling=DYNAMIC)
    layer = LLMLayer(LLM4SegConfig(model=str(folder), layer=1, positions=positions))
    plain = LLMLayer(
        LLM4SegConfig(
            model=str(save_model(tmp_path / "plain", max_position_embeddings=8)), layer=1, positions=positions
        )
    )
    tokens = torch.randn(1, 16, LLAMA["hidden_size"])
    assert torch.equal(layer(tokens, (4, 4)), plain(tokens, (4, 4))) != scaled


def test_a_scaled_layer_compiles_to_one_graph(tmp_path):
    folder = save_model(tmp_path, max_position_embeddings=8, rope_scaling=DYNAMIC)
    layer = LLMLayer(LLM4SegConfig(model=str(folder), layer=1, positions="rope"))
    tokens = torch.randn(1, 16, LLAMA["hidden_size"])
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(tokens, (4, 4)), layer(tokens, (4, 4)))


@pytest.mark.parametrize(
    "scaling",
    [
        {"rope_type": "yarn", "factor": "many"},
        {**YARN, "truncate": False},
        {**LONG, "long_factor": [1.0]},
        {"rope_type": "dynamic"},
        {"rope_type": "linear"},
        {"rope_type": "linear", "factor": "many"},
        {"rope_type": "linear", "factor": float("nan")},
        {"rope_type": "llama3", "factor": 8.0},
    ],
)
def test_a_scaling_that_makes_no_sense_is_one_sentence(scaling):
    # some versions of transformers refuse such a config.json themselves
    found = replace(describe_layer({**DECODER, "max_position_embeddings": 256}, 0), scaling=scaling)
    with pytest.raises(ModelFilesError, match=r"rotary scaling '\w+' in its config.json cannot be computed \("):
        rotation_of(found, "rope")
    assert rotation_of(found, "paper").frequencies
