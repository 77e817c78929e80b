"""LLM4Seg: the constructor of the paper's official code, so that only the import must be changed.

    - from ... import LLM4Seg
    + from nnunet_llm4seg import LLM4Seg

Source: the official code of LLM4Seg (arXiv 2506.18034). Outputs and trainable parameters are those of its frozen and
trained arms; docs/bottleneck.md lists what differs.
"""

from __future__ import annotations

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError

MODES = {
    "llama": "meta-llama/Llama-3.2-1B",
    "deepseek": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
}


class LLM4Seg(LLMBottleneck):
    """An `LLMBottleneck` with the official arguments and the preset `paper`.

    Shapes: (B, channel, H, W) in and out; any H and W, and (B, channel, D, H, W) too.

    Args:
        channel: Channels of the feature map.
        layer: Index of the decoder layer, counted from 0; unlike in the official code, it is used.
        unfreeze: Train the layer too.
        need_init: Random weights instead of pre-trained ones, every parameter drawn anew, norm gains included.
            The official code keeps the pre-trained norm gains in this arm; our control has nothing pre-trained.
        h: Height of the grid for which the official code makes its tables; here any grid works, so the value
            is only checked.
        w: Width of that grid, likewise.
        mode: Which model: `llama` (LLaMA-3.2-1B) or `deepseek` (DeepSeek-R1-Distill-Qwen-1.5B).

    Raises:
        ConfigError: an argument is not allowed.
        LLM4SegError: the model's files are missing or cannot be used, see `LLMBottleneck`.
    """

    def __init__(
        self,
        channel: int,
        layer: int,
        unfreeze: bool = False,
        need_init: bool = False,
        h: int = 16,
        w: int = 16,
        mode: str = "llama",
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"mode: {mode!r} is not allowed; choose one of {', '.join(MODES)}.")
        for name, size in (("channel", channel), ("h", h), ("w", w)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ConfigError(f"{name}: {size!r} is not allowed; choose a whole number from 1.")
        config = LLM4SegConfig(
            model=MODES[mode], layer=layer, trainable=unfreeze, weights="random" if need_init else "pretrained"
        )
        super().__init__(channel, config)
