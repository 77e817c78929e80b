"""Which language models' layers are on this machine, for `llm4seg doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nnunet_llm4seg.errors import LLM4SegError


def models_at_hand() -> list[str]:
    """One phrase per place: our cache of layers, models in the Hugging Face cache, and the demo's."""
    return [*_in_our_cache(), *_in_hugging_face_cache(), *_of_the_demo()]


def _in_our_cache() -> Iterator[str]:
    from nnunet_llm4seg.llm import cache

    if entries := cache.entries():
        yield f"{', '.join(f'layer {entry.layer} of {entry.model}' for entry in entries)} (in {cache.home()})"


def _in_hugging_face_cache() -> Iterator[str]:
    """Models whose weights and configuration are in the cache, and whose family has a row."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from nnunet_llm4seg.llm.families import family_of
    from nnunet_llm4seg.llm.model_config import read_model_config

    usable = set()
    for path in Path(HF_HUB_CACHE).glob("models--*/snapshots/*/config.json"):
        try:
            family_of(read_model_config(path.parent))
        except LLM4SegError:
            continue
        if any(path.parent.glob("*.safetensors")):
            usable.add(path.parents[2].name.removeprefix("models--").replace("--", "/"))
    if usable:
        yield f"{', '.join(sorted(usable))} (Hugging Face cache)"


def _of_the_demo() -> Iterator[str]:
    from nnunet_llm4seg.demo.smollm2 import checked_model_file

    try:
        yield f"SmolLM2-135M-Instruct (the demo's package, {checked_model_file()})"
    except LLM4SegError:
        return
