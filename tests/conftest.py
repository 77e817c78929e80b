import os
import signal
from pathlib import Path

import pytest
from tiny_models import save_model

# A run in the background (nohup, &) ignores interrupts, and so would everything that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)  # after the marks are set
def pytest_collection_modifyitems(items):
    """The files that take minutes come first, so that two processes end at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("integration") is None)


@pytest.fixture(scope="session", autouse=True)
def _float32_on_every_cpu():
    """Parity is a statement about float32, whatever the CPU that runs the tests prefers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnunet_llm4seg.llm.precision.cpu_computes_in_bfloat16", lambda: False)
        yield


@pytest.fixture(scope="session")
def llama(tmp_path_factory) -> Path:
    """A tiny LLaMA folder: 3 layers, hidden 32, float32."""
    return save_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def llama_bf16(tmp_path_factory) -> Path:
    """The same in bfloat16."""
    import torch

    return save_model(tmp_path_factory.mktemp("llama_bf16"), torch.bfloat16)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data, models and golden cases beside the repository, if they exist."""
    folder = Path(os.environ.get("LLM4SEG_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of shared data at {folder} (set LLM4SEG_SHARED)")
    return folder
