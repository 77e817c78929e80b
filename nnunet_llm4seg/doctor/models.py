"""Which language models' layers are on this machine, for `llm4seg doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nnunet_llm4seg.doctor.data import layers_in_plans
from nnunet_llm4seg.doctor.findings import Finding
from nnunet_llm4seg.errors import LLM4SegError

_FETCH = "llm4seg fetch MODEL --layer I"


def layers() -> Iterator[Finding]:
    """The layers and models that a training could use without a download, and whether others can change them."""
    from nnunet_llm4seg.llm import cache
    from nnunet_llm4seg.llm.hub import offline
    from nnunet_llm4seg.llm.staging import writable_by_others

    home = cache.home()
    if home.is_dir() and writable_by_others(home):
        text = f"{home} can be written to by others, who could change the layers that you train with"
        yield Finding("note", "layer cache", text, f"chmod go-w '{home}'")
    named, unusable = _named_in_plans()
    yield from (Finding("note", "language models", f"named in plans, but {text}") for text in unusable)
    if models := [*named, *models_at_hand()]:
        yield Finding("ok", "language models", "; ".join(models))
    else:
        text = "none found: no folder that plans name, nothing in a cache, no demo package"
        if offline():
            yield Finding("bad", "language models", f"{text}; HF_HUB_OFFLINE forbids fetching one", _FETCH)
        else:
            yield Finding("note", "language models", f"{text}; a training fetches its layer from the hub", _FETCH)


def _named_in_plans() -> tuple[list[str], list[str]]:
    """Folders and GGUF files that plans name, and what is wrong with those that cannot be used."""
    from nnunet_llm4seg.config import LLM4SegConfig
    from nnunet_llm4seg.llm.locate import find_gguf, quantisation_at_hand
    from nnunet_llm4seg.llm.quantised import in_words

    root = os.environ.get("nnUNet_preprocessed")
    usable, unusable = set(), set()
    for _, fields in layers_in_plans(Path(root)) if root else ():
        try:
            config = LLM4SegConfig.from_dict(fields)
            if (Path(config.model).expanduser() / "config.json").is_file():
                usable.add(f"{config.model} (named in plans)")
            elif find_gguf(config.model) is not None:
                stored = quantisation_at_hand(config)
                how = f", {in_words(stored)}" if stored else ""
                usable.add(f"{config.model} (named in plans: {config.layers}{how})")
        except LLM4SegError as error:
            unusable.add(str(error))
    return sorted(usable), sorted(unusable)


def models_at_hand() -> list[str]:
    """One phrase per place: our cache of layers, models in the Hugging Face cache, and the demo's."""
    return [*_in_our_cache(), *_in_hugging_face_cache(), *_of_the_demo()]


def _in_our_cache() -> Iterator[str]:
    from nnunet_llm4seg.llm import cache

    if entries := cache.entries():
        yield f"{', '.join(f'{entry.layers} of {entry.model}' for entry in entries)} (in {cache.home()})"


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
