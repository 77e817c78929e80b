"""Tiny language models with random weights, saved as Hugging Face folders."""

from pathlib import Path

import torch

LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 3,
    "vocab_size": 16,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "initializer_range": 0.1,
}


def save_model(folder: Path, dtype: torch.dtype = torch.float32, seed: int = 0, **changes) -> Path:
    """Save a model with transformers' own class and all its layers; return its folder."""
    from transformers import CONFIG_MAPPING, AutoModel

    values = {**LLAMA, **changes}
    config = CONFIG_MAPPING[values["model_type"]].from_dict(values)
    torch.manual_seed(seed)
    model = AutoModel.from_config(config)
    randomise_vectors(model)
    model.to(dtype).save_pretrained(folder)
    return folder


def randomise_vectors(model: torch.nn.Module) -> None:
    """Give gains and biases values that differ from their defaults."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 0.0 if name.endswith("bias") else 1.0, 0.2)


def layer_tensors(folder: Path, layer: int, prefix: str = "layers.{}.") -> dict[str, torch.Tensor]:
    """The tensors of one layer, by name without prefix, read by the safetensors library."""
    from safetensors.torch import load_file

    start = prefix.format(layer)
    return {
        name[len(start) :]: t for name, t in load_file(folder / "model.safetensors").items() if name.startswith(start)
    }


__all__ = ["LLAMA", "layer_tensors", "randomise_vectors", "save_model"]
