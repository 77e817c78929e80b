import resource
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import CheckpointError
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.llm.source import prepare_layer
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.checkpoints import layer_from_siblings, newest_readable


def save(path, epoch, weights=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"current_epoch": epoch, "network_weights": weights or {"w": torch.zeros(4)}}, path)
    return path


def tear(path):
    path.write_bytes(path.read_bytes()[:-200])


def test_the_highest_epoch_of_latest_and_best_is_taken(tmp_path):
    save(tmp_path / "checkpoint_latest.pth", 3)
    best = save(tmp_path / "checkpoint_best.pth", 5)
    assert newest_readable(tmp_path) == (best, 5, [])


def test_a_torn_latest_is_named_and_best_is_taken(tmp_path):
    tear(save(tmp_path / "checkpoint_latest.pth", 9))
    best = save(tmp_path / "checkpoint_best.pth", 5)
    path, _, problems = newest_readable(tmp_path)
    assert path == best
    assert "checkpoint_latest.pth cannot be read" in problems[0]


def test_nothing_readable_is_an_error_that_names_both(tmp_path):
    for name in ("latest", "best"):
        tear(save(tmp_path / f"checkpoint_{name}.pth", 1))
    with pytest.raises(CheckpointError, match=r"checkpoint_latest.*checkpoint_best.*without --c"):
        newest_readable(tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.pth cannot be read"):
        read_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("depth", [1, 2])
def test_a_layer_is_taken_from_any_readable_sibling_with_the_right_hash(llama, tmp_path, depth):
    prepared = prepare_layer(LLM4SegConfig(model=str(llama), layer=0, depth=depth))
    spec, tensors = prepared.spec, prepared.tensors
    other = prepare_layer(LLM4SegConfig(model=str(llama), layer=1, depth=depth)).tensors

    def weights(t):
        return {f"bottleneck.layer.{name}": value for name, value in t.items()}

    assert layer_from_siblings(tmp_path, spec) is None
    tear(save(tmp_path / "fold_0" / "checkpoint_best.pth", 1, weights(tensors)))
    save(tmp_path / "fold_1" / "checkpoint_final.pth", 1, weights(other))
    save(tmp_path / "fold_2" / "checkpoint_final.pth", 1)
    assert layer_from_siblings(tmp_path, spec) is None
    right = save(tmp_path / "fold_3" / "checkpoint_latest.pth", 1, weights(tensors))
    path, found = layer_from_siblings(tmp_path, spec)
    assert path == right
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "f"
    target.write_text("old")
    with pytest.raises(RuntimeError), written_whole(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("f", "old")]


@contextmanager
def _files_of_at_most(size: int):
    """Within this context a write past `size` bytes of a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_the_checkpoint_before_it(tmp_path):
    path = save(tmp_path / "checkpoint_latest.pth", 4)
    trainer = object.__new__(nnUNetTrainerLLM4Seg)
    trainer.local_rank, trainer.disable_checkpointing, trainer.is_ddp, trainer.grad_scaler = 0, False, False, None
    trainer.network = torch.nn.Linear(200, 200)
    trainer.optimizer = torch.optim.SGD(trainer.network.parameters(), 1)
    trainer.logger = SimpleNamespace(get_checkpoint=dict)
    trainer._best_ema, trainer.current_epoch, trainer.my_init_kwargs = None, 0, {}
    trainer.inference_allowed_mirroring_axes = None
    with _files_of_at_most(50_000), pytest.raises(CheckpointError, match="Free some disk space"):
        trainer.save_checkpoint(str(path))
    assert read_checkpoint(path)["current_epoch"] == 4
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint_latest.pth"]
