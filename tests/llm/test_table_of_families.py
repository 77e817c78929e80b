"""Every family against its own model, through the script that writes the table of docs/models.md."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_models import save_model

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError, ModelFilesError
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.controls import random
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.families import FAMILIES
from nnunet_llm4seg.llm.layer import LLMLayer
from nnunet_llm4seg.llm.positions import attention_mask, rotary_tables, rotation_of
from nnunet_llm4seg.llm.refused_families import REFUSED
from nnunet_llm4seg.llm.source import prepare_layer

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import table_of_families as script


def tiny(family, **changes):
    return {"model_type": family, **script.TINY[family], **changes}


def described(family, layer=1, **changes):
    """A layer's description, or a skip where the installed transformers lacks the family."""
    try:
        return describe_layer(tiny(family, **changes), layer)
    except ModelFilesError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_computes_what_its_model_computes(family):
    try:
        difference = script.parity(family)
    except ModelFilesError as error:
        assert "older way" in str(error)
        pytest.skip(str(error))
    if difference is None:
        pytest.skip(f"this transformers has no {family}")
    assert difference < 5e-7


def test_the_page_lists_exactly_the_families_of_the_code():
    page = script.PAGE.read_text(encoding="utf-8")
    table = page.split(script.BEGIN)[1].split(script.END)[0].strip().splitlines()[2:]
    listed = {cells[1].strip(" `"): cells[2].strip() for cells in (line.split("|") for line in table)}
    assert listed == {name: "vision" if row.vision else "text" for name, row in FAMILIES.items()}


def test_a_column_is_added_or_replaced_and_the_others_stay():
    cells = dict.fromkeys(FAMILIES, "1e-7")
    first = script.with_column([], "4.46.3", cells)
    both = script.with_column(first, "5.2.0", {**cells, "llama": "2e-7"})
    assert next(line for line in both if "`llama`" in line) == "| `llama` | text | 1e-7 | 2e-7 |"
    assert script.with_column(both, "5.2.0", {**cells, "llama": "2e-7"}) == both


@pytest.mark.parametrize("family", REFUSED)
def test_a_refused_family_says_why(family):
    with pytest.raises(ModelFilesError, match=f"family {family!r} is not supported: .*; choose a model of") as caught:
        describe_layer({"model_type": family}, 0)
    assert REFUSED[family] in str(caught.value)
    assert family not in FAMILIES


def test_a_composite_around_another_family_is_refused():
    with pytest.raises(ModelFilesError, match="family 'qwen2', but only 'mistral' or 'ministral3'"):
        describe_layer({"model_type": "mistral3", "text_config": {"model_type": "qwen2"}}, 0)


def test_layers_that_rotate_nothing_say_so():
    notes = [described("smollm3", layer).notes for layer in range(4)]
    assert [len(found) for found in notes] == [0, 0, 1, 0]
    assert "layer 2 of this model rotates nothing" in notes[2][0]
    assert [len(described("exaone4", layer).notes) for layer in range(4)] == [0, 0, 0, 1]


def test_olmo_3_scales_its_global_layers_only():
    scaling = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
    local, everywhere = (described("olmo3", layer, rope_scaling=scaling) for layer in (0, 3))
    assert (local.window, local.scaling, local.theta) == (4, {}, 500000.0)
    assert (everywhere.window, everywhere.scaling["rope_type"]) == (None, "yarn")


def test_dinov3s_own_positions_need_a_2d_grid():
    found = described("dinov3_vit")
    rope, axial = rotation_of(found, "rope"), rotation_of(found, "axial")
    assert rotary_tables(rope.positions, (2, 3), rope.frequencies)[0].shape == (1, 6, found.rotary_size)
    with pytest.raises(ConfigError, match="2D grids, and this one has 3 axes; set positions axial"):
        rotary_tables(rope.positions, (2, 2, 2), rope.frequencies)
    assert rotary_tables(axial.positions, (2, 2, 2), axial.frequencies)[0].shape == (1, 8, found.rotary_size)


@pytest.mark.parametrize(("attention", "warns"), [("causal", True), ("bidirectional", False)])
def test_a_vision_layer_under_a_causal_mask_is_warned_about(attention, warns, tmp_path, caplog):
    described("clip_vision_model")
    folder = save_model(tmp_path, **tiny("clip_vision_model"))
    LLMLayer(LLM4SegConfig(model=str(folder), layer=1, attention=attention, positions="none"))
    assert ("trained to see all tokens" in caplog.text) == warns


def test_a_vit_of_the_hub_is_read_by_its_published_names(tmp_path):
    described("vit")
    try:
        build_layer(described("vit"))
    except ModelFilesError as error:
        pytest.skip(str(error))
    folder = save_model(tmp_path, **tiny("vit"))
    spec = prepare_layer(LLM4SegConfig(model=str(folder), layer=1, positions="none")).spec
    assert {"attention.q_proj.weight", "attention.o_proj.bias", "mlp.fc1.weight", "mlp.fc2.weight"} < set(spec.dtypes)


def test_one_transformers_names_parameters_as_another_or_is_refused():
    found = described("bert")
    with pytest.raises(
        ModelFilesError, match=r"BertLayer in an older way \(it has no q_proj.weight\); install a newer"
    ):
        build_layer(replace(found, family=replace(found.family, has="q_proj.weight")))


@pytest.mark.parametrize("family", ["gpt_neox", "modernbert", "dinov2", "dinov3_vit", "olmo3", "opt"])
def test_random_weights_and_one_graph_work_for_new_families(family):
    found = described(family)
    try:
        built = build_layer(found)
    except ModelFilesError as error:
        pytest.skip(str(error))
    built.module.eval()
    built.module.load_state_dict(random(built.module, 0.1, torch.float32, 0), strict=False)
    tokens, grid = torch.randn(1, 9, found.hidden_size), (3, 3)
    rotation = rotation_of(found, "axial" if found.rotary_size else "none")
    tables = rotary_tables(rotation.positions, grid, rotation.frequencies)
    mask = attention_mask("bidirectional", 9, tokens.dtype, tokens.device)
    torch.compiler.reset()  # else the tests before count as recompilations
    with torch.no_grad():
        compiled = torch.compile(built.__call__, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(tokens, mask, tables), built(tokens, mask, tables))
