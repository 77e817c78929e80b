"""Reading, checking and writing 3D volumes: NIfTI, NRRD and MetaImage become .nii.gz."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import written_whole

MOVED = "labels have another origin than their image; both were kept as stored, voxel on voxel"

_SAME_PLACE = 1e-2  # of affines, in mm: published headers are rounded


@dataclass(frozen=True)
class VolumeReading:
    """How labels are read: the stored values of each label, in the order of the labels."""

    values: tuple[tuple[int, ...], ...]

    @property
    def identity(self) -> bool:
        """Whether every stored value equals its label."""
        return self.values == tuple((label,) for label in range(len(self.values)))


@dataclass(frozen=True)
class Volume:
    """Voxels in (x, y, z) as stored, and their place in space: spacing in mm, affine (4, 4) to RAS in mm."""

    path: Path
    voxels: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray


def read_volume(path: Path, *, label: bool = False) -> Volume:
    """A volume, read to its end.

    Args:
        label: apply the file's scaling, so that the values are the intended ones.

    Raises:
        DatasetError: it cannot be read, or is not 3D.
    """
    with _reading(path):
        volume = _nifti(path, label=label) if _is_nifti(path) else _metaimage(path)
    if volume.voxels.ndim != 3:
        raise DatasetError(
            f"{path} has {volume.voxels.ndim} dimensions ({' x '.join(map(str, volume.voxels.shape))}); give 3D "
            "volumes, with a file per channel or time: name_0000, name_0001."
        )
    return volume


def label_voxels(path: Path) -> np.ndarray:
    """The values of a label file as integers, (x, y, z).

    Raises:
        DatasetError: it cannot be read, is not 3D, or contains fractions.
    """
    return _whole(read_volume(path, label=True))


def check_volumes(
    images: tuple[Path, ...], label: Path | None, how: VolumeReading
) -> tuple[list[str], np.ndarray | None]:
    """Check that images and label can be read to the end and share one grid, and that the label's values are known.

    Returns:
        Notices, and voxels per label. nnU-Net takes voxels as they are stored, so a different origin is harmless, but
        a different direction is not.

    Raises:
        DatasetError: one of these is not the case.
    """
    first, *others = (_grid(path) for path in images)
    for other in others:
        _one_grid(first, other)
    if label is None:
        return [], None
    volume = read_volume(label, label=True)
    moved = _one_grid(first, volume)
    found, counts = np.unique(_whole(volume), return_counts=True)
    label_of = {value: number for number, values in enumerate(how.values) for value in values}
    if unknown := [value for value in found.tolist() if value not in label_of]:
        allowed = f"{min(label_of)} to {max(label_of)}" if how.identity else some(label_of, limit=20)
        raise DatasetError(f"{label} holds the values {some(unknown)}; allowed are {allowed}.")
    voxels = np.zeros(len(how.values), dtype=np.int64)
    np.add.at(voxels, [label_of[value] for value in found.tolist()], counts)
    return [MOVED] if moved else [], voxels


def write_volume(source: Path, target: Path) -> None:
    """Write a volume as .nii.gz; the content of NIfTI files is not changed."""
    with written_whole(target) as temporary:
        if source.name.lower().endswith(".nii.gz"):
            shutil.copyfile(source, temporary)
        elif _is_nifti(source):
            # no name and no time, so that a continued run writes the same bytes
            with (
                source.open("rb") as stored,
                temporary.open("wb") as file,
                gzip.GzipFile("", "wb", fileobj=file, mtime=0, compresslevel=6) as packed,
            ):
                shutil.copyfileobj(stored, packed)
        else:
            import SimpleITK

            image = SimpleITK.ReadImage(str(source))
            _write_itk(image, temporary)


def write_label(source: Path, target: Path, how: VolumeReading) -> None:
    """Write a label as .nii.gz, its values as 0, 1, ..."""
    if how.identity:
        return write_volume(source, target)
    import SimpleITK

    image = SimpleITK.ReadImage(str(source))
    stored = np.rint(SimpleITK.GetArrayFromImage(image)).astype(np.int64)
    labels = np.zeros(stored.shape, dtype=np.uint8)
    for number, values in enumerate(how.values):
        labels[np.isin(stored, values)] = number
    changed = SimpleITK.GetImageFromArray(labels)
    changed.CopyInformation(image)
    with written_whole(target) as temporary:
        _write_itk(changed, temporary)


def _write_itk(image: Any, temporary: Path) -> None:
    """ITK chooses the format by the ending, which a temporary name lacks."""
    import SimpleITK

    named = temporary.with_name(temporary.name + ".nii.gz")
    try:
        SimpleITK.WriteImage(image, str(named))
        named.replace(temporary)
    finally:
        named.unlink(missing_ok=True)


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


def _nifti(path: Path, *, label: bool) -> Volume:
    import nibabel

    image = cast(Any, nibabel.load(path))
    # a truncated file has a complete header
    voxels = np.asanyarray(image.dataobj) if label else image.dataobj.get_unscaled()
    return Volume(path, voxels, tuple(map(float, image.header.get_zooms())), image.affine)


def _metaimage(path: Path) -> Volume:
    import SimpleITK

    image = SimpleITK.ReadImage(str(path))
    voxels = SimpleITK.GetArrayFromImage(image)  # (z, y, x), components last
    dimensions = image.GetDimension()
    affine = np.eye(4)
    if dimensions == 3:
        to_ras = np.diag([-1.0, -1.0, 1.0])  # ITK's axes are LPS
        direction = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
        affine[:3, :3] = to_ras @ direction
        affine[:3, 3] = to_ras @ np.array(image.GetOrigin())
    order = (*range(dimensions - 1, -1, -1), *range(dimensions, voxels.ndim))
    return Volume(path, voxels.transpose(order), tuple(image.GetSpacing()), affine)


def _grid(path: Path) -> Volume:
    """A volume without its voxels, because only the shape is needed: a case's images need not fit in memory."""
    volume = read_volume(path)
    return Volume(path, np.broadcast_to(np.zeros((), dtype=bool), volume.voxels.shape), volume.spacing, volume.affine)


def _whole(volume: Volume) -> np.ndarray:
    values = np.rint(volume.voxels).astype(np.int64)
    if not np.array_equal(values, volume.voxels) or values.min() < 0:
        raise DatasetError(f"{volume.path} holds fractions or negative values; a label holds 0, 1, 2, ...")
    return values


def _one_grid(first: Volume, second: Volume) -> bool:
    """Check that both have the same grid; returns whether only their origins differ."""
    shapes, zooms = (first.voxels.shape, second.voxels.shape), (first.spacing, second.spacing)
    if shapes[0] != shapes[1]:
        raise DatasetError(
            f"{first.path} has {shapes[0]} voxels and {second.path} {shapes[1]}; both must have one grid."
        )
    if not np.allclose(*zooms, rtol=1e-3):
        raise DatasetError(
            f"{first.path} has voxels of {_mm(zooms[0])}, {second.path} {_mm(zooms[1])}; both must have one grid."
        )
    if not np.allclose(first.affine[:3, :3], second.affine[:3, :3], atol=_SAME_PLACE):
        raise DatasetError(
            f"{first.path} lies in space as {_place(first.affine)}, {second.path} as {_place(second.affine)}; both "
            "must have one grid: download them again, or resample the label to its image."
        )
    return not np.allclose(first.affine, second.affine, atol=_SAME_PLACE)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        kind = "NIfTI" if _is_nifti(path) else "a volume"
        reason = type(error).__name__
        raise DatasetError(f"{path} cannot be read as {kind} ({reason}); replace the file and start again.") from error


def _mm(spacing: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in spacing) + " mm"


def _place(affine: np.ndarray) -> str:
    import nibabel

    origin = ", ".join(f"{value:g}" for value in affine[:3, 3])
    return f"{''.join(nibabel.aff2axcodes(affine))} with its origin at ({origin}) mm"
