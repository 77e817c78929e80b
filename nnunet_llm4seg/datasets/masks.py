"""From a stored mask to foreground and background."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.label_table import Value, suggestion
from nnunet_llm4seg.datasets.mask_classes import separate_values
from nnunet_llm4seg.datasets.stored_masks import StoredMask, stored_mask
from nnunet_llm4seg.errors import DatasetError

INVERTED = "masks have an inverted palette (index 0 is bright); they were decoded by colour"
FAINT = "JPEG masks have values above 1 but none above 127; they became empty"


class SeveralClassesError(DatasetError):
    """A mask whose foreground cannot be determined from the mask alone."""


def read_mask(path: Path) -> tuple[np.ndarray, list[str]]:
    """A mask of one class as (H, W) bool, and notices; see `binary_mask`."""
    return binary_mask(stored_mask(path))


def binary_mask(mask: StoredMask) -> tuple[np.ndarray, list[str]]:
    """Foreground as (H, W) bool, and notices.

    Foreground is 1, as stored, in files whose maximum is 1 or less, else whatever is above 127 (32767 if the
    values go beyond 255); colours, those of a palette too, count by their brightest channel. JPEG files, where 1 is
    noise, always follow the second rule.

    Raises:
        SeveralClassesError: the file contains more than two separate values or colours, or none that is foreground
            by these rules, or a palette whose first, bright colour may be the background.
    """
    notices = []
    if mask.palette is not None:
        notices = _palette_notices(mask)
        pixels = mask.colours()
    else:
        pixels = mask.pixels
    if not mask.lossy and len(found := separate_values(pixels)) > 2:
        raise several_classes(mask, f"{len(found)} separate values", found)
    brightest = pixels.max(axis=2) if pixels.ndim == 3 else pixels
    highest = brightest.max()
    if highest <= mask.one and not mask.lossy:
        return brightest == mask.one, notices
    foreground = brightest > (127 if highest <= 255 else 32767)
    if highest > 1 and not foreground.any():
        if not mask.lossy:
            raise several_classes(mask, f"values up to {highest:g}", separate_values(pixels))
        notices.append(FAINT)
    return foreground, notices


def foreground_value(mask: StoredMask, foreground: np.ndarray) -> tuple[int, ...] | None:
    """The value that most of the foreground has, equal channels as one; None if that is a usual value, or unknown.

    Usual values are 1, 255 and 65535, and those close to the last two.
    """
    if mask.lossy or not foreground.any() or foreground.all():
        return None
    chosen = (mask.colours() if mask.palette is not None else mask.pixels)[foreground]
    value = np.median(chosen.reshape(len(chosen), -1), axis=0).astype(int)
    if (value == value[0]).all():
        value = value[:1]
        if value[0] in (mask.one, 1) or 232 <= value[0] <= 255 or value[0] >= 59000:
            return None
    return tuple(value.tolist())


def several_classes(mask: StoredMask, what: str, found: list[tuple[int, ...]]) -> SeveralClassesError:
    """The error for a mask whose foreground cannot be told, with its values and the option that helps."""
    if mask.palette is not None:
        indices, counts = np.unique(mask.pixels, return_counts=True)
        values = ", ".join(f"index {i} #{bytes(mask.palette[i]).hex()}" for i in indices[:8])
        option = suggestion(indices[np.argsort(-counts, kind="stable")][:8].tolist())
    else:
        keys: list[Value] = [
            int(value[0]) // mask.one if len(value) == 1 else (value[0], value[1], value[2]) for value in found[:8]
        ]
        values = ", ".join("#" + bytes(key).hex() if isinstance(key, tuple) else str(key) for key in keys)
        option = suggestion(keys)
    return SeveralClassesError(
        f"{mask.path} holds {what} ({values}), so which is foreground is not guessed; `llm4seg convert folder` takes "
        f"{option} (--dry-run lists the values of all masks and their shares)."
    )


def _palette_notices(mask: StoredMask) -> list[str]:
    assert mask.palette is not None
    used = np.unique(mask.pixels)
    colours = mask.palette[used]
    if len(np.unique(colours, axis=0)) < len(used):
        raise several_classes(mask, f"{len(used)} palette indices of which some have one colour", [])
    bright = mask.palette[0].max() > 127
    if not bright or len(used) < 2:
        return []
    if (colours == colours[:, :1]).all() and set(colours[:, 0].tolist()) == {0, 255}:
        return [INVERTED]
    if used[0] == 0:
        raise several_classes(mask, f"{len(used)} palette indices, the first bright", [])
    return []
