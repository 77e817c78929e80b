"""Watch the numbers that leave the LLM layer during a training: inf and nan, and values too large for the decoder."""

from __future__ import annotations

from dataclasses import dataclass

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.errors import NonFiniteError

_MOST_CLAMPED = 0.5  # share of an epoch's values from which on a training stops: they have no gradient
_REMEDY = (
    "training stops here, and the checkpoints are those of earlier epochs. Make new plans with `dtype float32` or "
    "`residual gated` (`llm4seg plan … -o NAME`) and train with them."
)


@dataclass
class NumericsWatch:
    """What was seen in the present epoch.

    Attributes:
        steps: Training steps.
        skipped: Steps in which the encoder's output was inf or nan, so that nnU-Net's GradScaler skipped them.
        clamped: Sum over the steps of the share of values that were clamped.
    """

    steps: int = 0
    skipped: int = 0
    clamped: float = 0.0

    def look(self, bottleneck: LLMBottleneck, epoch: int, *, scaled: bool) -> None:
        """Look at a step that was just made; nnU-Net has waited for its loss, so this costs nothing.

        Args:
            scaled: Whether a GradScaler skips steps whose gradients are inf or nan.

        Raises:
            NonFiniteError: the layer's output was inf or nan, and nobody skips such a step.
        """
        self.steps += 1
        if not bottleneck.finite:
            if not scaled or bottleneck.finite_input:
                raise NonFiniteError(f"the LLM layer's output was inf or nan in epoch {epoch}; {_REMEDY}")
            self.skipped += 1
        elif bottleneck.clamped is not None:
            self.clamped += bottleneck.clamped.item()

    def finish_epoch(self, epoch: int) -> list[str]:
        """Forget the epoch, and return what the log should say about it.

        Raises:
            NonFiniteError: so many values were clamped that the network hardly learns.
        """
        steps, skipped, clamped = self.steps, self.skipped, self.clamped
        self.steps, self.skipped, self.clamped = 0, 0, 0.0
        share = clamped / max(steps - skipped, 1)
        said = []
        if skipped:
            said.append(
                f"WARNING: in {skipped} of {steps} steps the encoder's output was inf or nan before it came to the "
                "LLM layer; these steps were skipped, as nnU-Net's GradScaler does."
            )
        if share > 0:
            said.append(
                f"WARNING: {100 * share:.3g} % of the LLM layer's output exceeded the largest number of the features' "
                "dtype (65,504 in float16) and was clamped; clamped values have no gradient."
            )
        if share > _MOST_CLAMPED:
            raise NonFiniteError(
                f"{100 * share:.3g} % of the LLM layer's output exceeded the largest number of the features' dtype in "
                f"epoch {epoch}, so that the network hardly learns; {_REMEDY}"
            )
        return said
