"""All measurements of one case: numbers for the table, arrays for the npz file and the figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from nnunet_llm4seg.analysis.maps import activation_map, map_ious
from nnunet_llm4seg.analysis.rank import spectrum
from nnunet_llm4seg.analysis.recording import Recording
from nnunet_llm4seg.errors import CheckpointError


@dataclass(frozen=True)
class Place:
    """The features before or after the LLM layer.

    Attributes:
        features: (C, *grid).
        norms: Euclidean norm of each token's features, (*grid).
        heat: Activation map, (*patch), 0 to 1.
        numbers: One row of the table.
    """

    features: np.ndarray
    norms: np.ndarray
    heat: np.ndarray
    numbers: dict[str, Any]


@dataclass(frozen=True)
class CaseAnalysis:
    """One case, arrays in the axis order of nnU-Net's preprocessed data: (z,) y, x.

    Attributes:
        image: (channels, *patch).
        mask: (*patch), boolean.
        places: `before` and, with an LLM, `after`.
        queries: Name -> index on the grid of the tokens whose attention is kept; empty without an LLM.
        attention: (queries, heads, N), or None.
    """

    case: str
    image: np.ndarray
    mask: np.ndarray
    places: dict[str, Place]
    queries: dict[str, tuple[int, ...]]
    attention: np.ndarray | None

    def arrays(self) -> dict[str, np.ndarray]:
        """The contents of the npz file."""
        arrays = {"image": self.image, "mask": self.mask}
        for name, place in self.places.items():
            arrays.update(
                {f"features_{name}": place.features, f"norms_{name}": place.norms, f"map_{name}": place.heat}
            )
        if self.attention is not None:
            arrays["attention"] = self.attention
            arrays["attention_queries"] = np.array(list(self.queries.values()))
            arrays["attention_query_names"] = np.array(list(self.queries))
        return arrays


def measure(case: str, image: np.ndarray, mask: np.ndarray, recording: Recording) -> CaseAnalysis:
    """Measure a recording of the patch `image` (channels, *patch) with the foreground `mask` (*patch).

    Raises:
        CheckpointError: features contain NaN or infinity.
    """
    for place, features in (("before", recording.before), ("after", recording.after)):
        if features is not None and not bool(torch.isfinite(features).all()):
            raise CheckpointError(
                f"{case}: the features {place} the LLM layer contain NaN or infinity; the training has diverged, or"
                " the image contains such values: check the image, or train this fold again."
            )
    places = {"before": _place(recording.before, mask)}
    if recording.after is not None:
        places["after"] = _place(recording.after, mask)
    queries: dict[str, tuple[int, ...]] = {}
    attention = None
    grid = tuple(recording.before.shape[1:])
    if recording.attention is not None and recording.attention.shape[-1] == np.prod(grid):
        queries = query_tokens(mask, grid)
        rows = [int(np.ravel_multi_index(index, grid)) for index in queries.values()]
        attention = recording.attention[:, rows].transpose(0, 1).cpu().numpy()
    return CaseAnalysis(case, image, mask, places, queries, attention)


def query_tokens(mask: np.ndarray, grid: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The tokens whose attention is shown: `lesion`, `middle` of the grid, and `last` in raster order.

    `lesion` has the largest share of foreground; of equal ones, it is the nearest to the mask's centre. Without
    foreground it is omitted.
    """
    found = {"middle": tuple(size // 2 for size in grid), "last": tuple(size - 1 for size in grid)}
    if not mask.any():
        return found
    share = torch.nn.functional.interpolate(torch.tensor(mask)[None, None].float(), size=grid, mode="area")[0, 0]
    best = np.argwhere(share.numpy() == share.max().item())
    centre = (np.argwhere(mask).mean(0) + 0.5) / mask.shape * grid - 0.5
    nearest = best[((best - centre) ** 2).sum(1).argmin()]
    return {"lesion": tuple(int(i) for i in nearest), **found}


def _place(features: torch.Tensor, mask: np.ndarray) -> Place:
    features = features.float().cpu()
    tokens = features.flatten(1).T.numpy()
    norms = features.norm(dim=0).numpy()
    heat = activation_map(features, mask.shape)
    numbers = {
        "tokens": int(norms.size),
        "channels": len(features),
        **asdict(spectrum(tokens)),
        "effective_rank_centred": spectrum(tokens - tokens.mean(0)).effective_rank,
        "norm_mean": float(norms.mean()),
        "norm_max": float(norms.max()),
        **map_ious(heat, mask),
    }
    return Place(features.numpy(), norms, heat, numbers)
