"""Measure every family against its own model, with the installed transformers, and write the table of docs/models.md.

For each family: a tiny model with random weights, in float32; the largest difference of what
our layer computes from what the model's layer computed with the same hidden states, relative to the largest number.

    python scripts/table_of_families.py            # print the table with a column for the installed transformers
    python scripts/table_of_families.py --write    # set that column in docs/models.md
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from nnunet_llm4seg.errors import LLM4SegError
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.families import FAMILIES, family_of
from nnunet_llm4seg.llm.family import Family
from nnunet_llm4seg.llm.layer_reader import read_layer
from nnunet_llm4seg.llm.model_config import read_model_config
from nnunet_llm4seg.llm.positions import attention_mask, rotary_tables, rotation_of
from nnunet_llm4seg.llm.rotary_scaling import Turns

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
BEGIN, END = "<!-- families: begin -->", "<!-- families: end -->"
LAYERS, TOKENS, SIDE, PATCH = (0, 1, 2), 12, 12, 4

_COMMON = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 4, "initializer_range": 0.1}
_TEXT = {**_COMMON, "vocab_size": 24, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_DECODER = {
    **_TEXT,
    "intermediate_size": 48,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rope_theta": 500.0,
}
_LOCAL = {**_DECODER, "sliding_window": 4}
_ENCODER = {**_TEXT, "intermediate_size": 48, "max_position_embeddings": 40}
_GEMMA = {**_DECODER, "head_dim": 16, "query_pre_attn_scalar": 7, "hidden_activation": "gelu_pytorch_tanh"}
_CLIP = {**_ENCODER, "max_position_embeddings": 16}
_IMAGES = {**_COMMON, "intermediate_size": 48, "image_size": SIDE, "patch_size": PATCH}

# family -> a tiny configuration, in transformers 4's spelling
TINY: dict[str, dict[str, Any]] = {
    "llama": _DECODER,
    "qwen2": _DECODER,
    "qwen3": {**_DECODER, "head_dim": 16},
    "mistral": _LOCAL,
    "phi3": _LOCAL,
    "gemma": _GEMMA,
    "gemma2": {**_GEMMA, "sliding_window": 4, "attn_logit_softcapping": 0.5},
    "gemma3_text": {**_GEMMA, "sliding_window": 4},
    "gemma3": {"text_config": {**_GEMMA, "sliding_window": 4, "model_type": "gemma3_text"}},
    "gpt2": {"vocab_size": 24, "n_embd": 32, "n_head": 4, "n_layer": 4, "n_positions": 40, "initializer_range": 0.1},
    "olmo2": _DECODER,
    "olmo3": {**_LOCAL, "rope_theta": 500000.0},
    "exaone4": _LOCAL,
    "ministral": {**_LOCAL, "head_dim": 8},
    "ministral3": {**{k: v for k, v in _DECODER.items() if k != "rope_theta"}, "head_dim": 8},
    "smollm3": {**_DECODER, "no_rope_layer_interval": 3},
    "granite": {**_DECODER, "attention_multiplier": 0.3, "residual_multiplier": 0.7},
    "phi": _DECODER,
    "stablelm": {**_DECODER, "use_qkv_bias": True, "hidden_size": 64},
    "gpt_neox": {
        **{k: v for k, v in _DECODER.items() if k not in ("num_key_value_heads", "rope_theta")},
        "hidden_size": 64,
        "rotary_emb_base": 500,
    },
    "biogpt": _ENCODER,
    "opt": {**_TEXT, "ffn_dim": 48, "word_embed_proj_dim": 32, "max_position_embeddings": 40, "init_std": 0.1},
    "mistral3": {"text_config": {**_DECODER, "model_type": "mistral", "sliding_window": None}},
    "voxtral": {"text_config": {**_DECODER, "model_type": "llama"}},
    "clip_text_model": _CLIP,
    "clip": {"text_config": {**_CLIP, "model_type": "clip_text_model"}},
    "modernbert": {
        **_ENCODER,
        "local_attention": 6,
        "global_rope_theta": 500.0,
        "local_rope_theta": 50.0,
        "cls_token_id": 1,
        "sep_token_id": 2,
    },
    "bert": _ENCODER,
    "roberta": _ENCODER,
    "xlm-roberta": _ENCODER,
    "distilbert": {
        "vocab_size": 24,
        "dim": 32,
        "hidden_dim": 48,
        "n_heads": 4,
        "n_layers": 4,
        "max_position_embeddings": 40,
        "initializer_range": 0.1,
    },
    "vit": _IMAGES,
    "dinov2": {**_IMAGES, "mlp_ratio": 2},
    "dinov3_vit": {**_IMAGES, "num_register_tokens": 2},
    "clip_vision_model": _IMAGES,
    "siglip_vision_model": _IMAGES,
    "siglip": {"vision_config": {**_IMAGES, "model_type": "siglip_vision_model"}},
}


def parity(family: str) -> float | None:
    """The relative difference of a family's layer from its own model; None if the installed version lacks the family.

    Raises:
        LLM4SegError: the installed version has the family, but our layer cannot be built from it.
    """
    import transformers

    torch.manual_seed(0)
    row = family_of({"model_type": family, **TINY[family]})
    own = row.config_type or family
    if own not in transformers.CONFIG_MAPPING or family not in transformers.CONFIG_MAPPING:
        return None
    values = TINY[family].get(row.text_key or "", TINY[family])
    model = _model(transformers.CONFIG_MAPPING[own].from_dict({**values, "model_type": own}))
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = Path(name)
        _save(model, folder, family, row.text_key, row.prefixes[0])
        return max(_difference(folder, *seen) for seen in zip(LAYERS, *_hidden_states(model, row), strict=True))


def _model(configuration: Any) -> Any:
    import transformers

    towers = {"clip_text_model": "CLIPTextModel"}  # which AutoModel does not know
    name = towers.get(configuration.model_type)
    if name:
        configuration._attn_implementation = "eager"
        model: Any = getattr(transformers, name)(configuration)
    else:
        model = transformers.AutoModel.from_config(configuration, attn_implementation="eager")
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:  # gains and biases that differ from those with which training starts
            torch.nn.init.normal_(parameter, 0.0 if name.endswith("bias") else 1.0, 0.2)
    return model.eval()


def _save(model: Any, folder: Path, family: str, key: str | None, prefix: str) -> None:
    """As published: a composite's file has the names of a composite."""
    model.save_pretrained(folder)
    if key is None:
        return
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"model_type": family, key: config}))
    file = folder / "model.safetensors"
    names = {re.sub(r"^.*?layers\.(\d+)\.", lambda m: prefix.format(m[1]), n): t for n, t in load_file(file).items()}
    save_file(names, file)


def _hidden_states(model: torch.nn.Module, row: Family) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What goes into each of the layers `LAYERS` of the model, and what comes out."""
    before: list[torch.Tensor] = []
    after: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, args: tuple, kwargs: Mapping[str, Any], output: Any) -> None:
        before.append(args[0] if args else kwargs.get("hidden_states", kwargs.get("x")))
        after.append(output[0] if isinstance(output, tuple) else output)

    layers = [module for module in model.modules() if type(module).__name__ == row.layer_class]
    for layer in LAYERS:
        layers[layer].register_forward_hook(keep, with_kwargs=True)
    generator = torch.Generator().manual_seed(1)
    if row.vision:
        model(pixel_values=torch.randn(2, 3, SIDE, SIDE, generator=generator))
    else:
        model(torch.randint(3, 24, (2, TOKENS), generator=generator))
    return before, after


def _difference(folder: Path, layer: int, tokens: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference of our layer's output from `expected`, relative to the largest number there."""
    description = describe_layer(read_model_config(folder), layer)
    built = build_layer(description)
    built.module.eval()
    tensors = read_layer(folder, description.family, layer, built.shapes())
    built.module.load_state_dict(tensors, strict=False)
    attention = "bidirectional" if description.family.sees_all else "causal"
    mask = attention_mask(attention, tokens.shape[1], tokens.dtype, tokens.device, description.window)
    rotation = rotation_of(description, "rope" if description.rotary_size else "none")
    # DINOv3 rotates patches only; the tokens before them stay as they are
    grid = (SIDE // PATCH, SIDE // PATCH) if description.family.coordinates else (tokens.shape[1],)
    turns = Turns(rotation, tokens.device).at(tokens.shape[1])
    ours = built(tokens, mask, rotary_tables(rotation.positions, grid, turns, tokens.device, rotation.factor))
    return float((ours - expected).abs().max() / expected.abs().max())


def measured(family: str) -> str:
    """A cell of the table: the relative difference; `—` if the installed version lacks the family; or `refused`."""
    try:
        found = parity(family)
    except LLM4SegError:
        return "refused"
    return "—" if found is None else f"{found:.1e}"


def with_column(lines: list[str], version: str, cells: Mapping[str, str]) -> list[str]:
    """The rows of a Markdown table `lines` (maybe none) with the column of one version added or replaced.

    A family that has no row yet gets one; a row of a family that there is no longer is removed.
    """
    old = [[cell.strip(" `") for cell in line.strip().strip("|").split("|")] for line in lines if line.startswith("|")]
    versions = [v.removeprefix("transformers ") for v in old[0][2:]] if old else []
    values = {row[0]: dict(zip(versions, row[2:], strict=True)) for row in old[2:]}
    versions = sorted({*versions, version}, key=lambda v: [int(part) for part in v.split(".")])
    rows = [["`model_type`", "kind", *(f"transformers {v}" for v in versions)], ["---"] * (len(versions) + 2)]
    for family in sorted(FAMILIES):
        known = {**values.get(family, {}), version: cells[family]}
        kind = "vision" if FAMILIES[family].vision else "text"
        rows.append([f"`{family}`", kind, *(known.get(v, "not measured") for v in versions)])
    return [f"| {' | '.join(row)} |" for row in rows]


def main() -> int:
    """Measure, and print or write the table."""
    import transformers

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"set this version's column in {PAGE.name}")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    cells = {family: measured(family) for family in FAMILIES}
    lines = with_column(table.splitlines(), transformers.__version__, cells)
    print("\n".join(lines))
    if options.write:
        with written_whole(PAGE) as part:
            part.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
