import math
from copy import deepcopy

import pytest
import torch

from nnunet_llm4seg.errors import ConfigError, ModelFilesError
from nnunet_llm4seg.llm import positions
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.positions import attention_mask, rotary_tables

CONFIG = {"model_type": "llama", "hidden_size": 32, "num_attention_heads": 4, "rope_theta": 500.0}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def rotary_frequencies(model_config, wanted):
    return positions.rotary_frequencies(describe_layer(model_config, 0), wanted)


def test_paper_tables_swap_sine_and_cosine_of_the_raster_index():
    cos, sin = rotary_tables("paper", (2, 3), [1.0, 0.1])
    for n in range(6):
        assert cos[0, n].tolist() == pytest.approx([math.sin(n)] * 4, abs=1e-6)
        assert sin[0, n].tolist() == pytest.approx([math.cos(n)] * 4, abs=1e-6)


def test_rope_turns_each_pair_by_its_frequency():
    cos, sin = rotary_tables("rope", (2, 3), [1.0, 0.1])
    angles = [5.0, 0.5, 5.0, 0.5]
    assert cos[0, 5].tolist() == pytest.approx([math.cos(a) for a in angles], abs=1e-6)
    assert sin[0, 5].tolist() == pytest.approx([math.sin(a) for a in angles], abs=1e-6)


def test_none_turns_nothing():
    cos, sin = rotary_tables("none", (2, 2, 2), [1.0])
    assert torch.equal(cos, torch.ones(1, 8, 2))
    assert torch.equal(sin, torch.zeros(1, 8, 2))


def test_causal_mask_hides_later_tokens_only():
    mask = attention_mask("causal", 3, torch.float32, "cpu")[0, 0]
    assert (mask == 0).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert (attention_mask("bidirectional", 3, torch.float32, "cpu") == 0).all()


def test_both_spellings_of_theta_are_read():
    old = rotary_frequencies(CONFIG, "rope")
    new = rotary_frequencies(
        {**CONFIG, "rope_theta": None, "rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}}, "rope"
    )
    assert old == new == [500.0 ** (-2 * pair / 8) for pair in range(4)]


@pytest.mark.parametrize("scaling", [LLAMA3, {"rope_type": "linear", "factor": 4.0}])
def test_scaled_frequencies_are_those_of_transformers(scaling):
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    raw = {**CONFIG, "hidden_size": 2048, "num_attention_heads": 32, "rope_theta": 500000.0, "rope_scaling": scaling}
    theirs = LlamaRotaryEmbedding(config=LlamaConfig.from_dict(dict(raw))).inv_freq
    assert rotary_frequencies(raw, "rope") == pytest.approx(theirs.tolist(), rel=1e-5)


def test_an_unknown_scaling_is_refused_only_where_it_matters():
    raw = {**CONFIG, "rope_scaling": {"type": "proportional", "factor": 2.0}}
    assert rotary_frequencies(raw, "paper")
    with pytest.raises(ConfigError, match=r"'rope'.*'proportional'.*paper or none"):
        rotary_frequencies(raw, "rope")


def test_the_raw_configuration_stays_as_the_model_has_it():
    raw = {**CONFIG, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}
    before = deepcopy(raw)
    rotary_frequencies(raw, "rope")
    assert raw == before


@pytest.mark.parametrize("theta", [-1.0, float("inf"), float("nan")])
def test_a_base_that_no_model_has_is_refused(theta):
    with pytest.raises(ModelFilesError, match="the base of the rotary frequencies is"):
        rotary_frequencies({**CONFIG, "rope_theta": theta}, "rope")
