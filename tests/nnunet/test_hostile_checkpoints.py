"""Checkpoints from others are data: whatever is in the file, nothing of it is run."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from nnunet_llm4seg.errors import CheckpointError
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.trainer.stripping import embed, strip

KEPT = sorted((Path(__file__).parents[1] / "data" / "checkpoints").glob("*/fold_0/checkpoint_final.pth"))


class Attack:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("key", ["init_args", "network_weights", "logging"])
@pytest.mark.parametrize(
    "read", [read_checkpoint, lambda p: embed(p, p.with_name("o")), lambda p: strip(p, p.with_name("o"))]
)
def test_a_crafted_checkpoint_runs_nothing(tmp_path, key, read):
    content = {"network_weights": {"w": torch.zeros(2)}, "current_epoch": 1, "init_args": {}, "logging": {}}
    content[key] = Attack(tmp_path / "attacked")
    torch.save(content, tmp_path / "light.pth")
    with pytest.raises(CheckpointError, match="which could run any program"):
        read(tmp_path / "light.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["light.pth"]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parents[1].name)
def test_real_checkpoints_of_nnunet_are_read_as_nnunet_reads_them(path):
    ours, theirs = read_checkpoint(path), torch.load(path, weights_only=False, map_location="cpu")
    assert ours.keys() == theirs.keys()
    for key in ("_best_ema", "current_epoch", "trainer_name", "logging", "inference_allowed_mirroring_axes"):
        assert ours[key] == theirs[key] and type(ours[key]) is type(theirs[key])
    assert ours["init_args"]["plans"] == theirs["init_args"]["plans"]
    assert all(
        torch.equal(tensor, theirs["network_weights"][name]) for name, tensor in ours["network_weights"].items()
    )


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"], ids=["numpy 1", "numpy 2"])
def test_scalars_of_both_numpys_are_read(tmp_path, module):
    values = [np.float32(0.5), np.float64(0.25), np.int64(7), np.bool_(True)]
    content = {"network_weights": {}, "current_epoch": 1, "logging": values}
    torch.save(content, tmp_path / "now.pth")
    with zipfile.ZipFile(tmp_path / "now.pth") as old, zipfile.ZipFile(tmp_path / "then.pth", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            for known in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
                if known in data:
                    data = data.replace(known, module)
                    break
            new.writestr(name, data)
    found = read_checkpoint(tmp_path / "then.pth")["logging"]
    assert found == values and [type(value) for value in found] == [type(value) for value in values]


def test_what_other_code_allows_stays_as_it_was(tmp_path):
    torch.save({"network_weights": {}, "current_epoch": 1}, tmp_path / "x.pth")
    before = torch.serialization.get_safe_globals()
    read_checkpoint(tmp_path / "x.pth")
    assert set(torch.serialization.get_safe_globals()) == set(before)
