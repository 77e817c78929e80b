"""In which dtype a layer computes: what the device has instructions for, unless the settings say it."""

import pytest
import torch

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.llm import precision
from nnunet_llm4seg.llm.precision import compute_dtype

_detect = precision.cpu_computes_in_bfloat16.__wrapped__  # before any test replaces it, and without its cache
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ("fpu avx2 avx512f amx_bf16 amx_tile", True),
        ("fpu avx512f avx512_bf16", True),
        ("fpu avx2 avx512f avx512_fp16", False),
        ("fpu not_amx_bf16", False),
        (None, False),
    ],
)
def test_a_cpu_is_asked_for_its_instructions(flags, native, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nmodel name\t: amx_bf16\nflags\t\t: {flags}\n")
    assert _detect() == (native and torch.backends.mkldnn.is_available())


@pytest.mark.parametrize("native", [True, False])
def test_auto_follows_the_cpu_and_a_named_dtype_does_not(native, monkeypatch):
    monkeypatch.setattr(precision, "cpu_computes_in_bfloat16", lambda: native)
    assert compute_dtype("auto", CPU) == (torch.bfloat16 if native else torch.float32)
    assert compute_dtype("float32", CPU) == torch.float32
    assert compute_dtype("bfloat16", CPU) == torch.bfloat16


def test_on_such_a_cpu_auto_computes_what_bfloat16_does(llama_bf16, monkeypatch):
    monkeypatch.setattr(precision, "cpu_computes_in_bfloat16", lambda: True)
    blocks = []
    for dtype in ("auto", "bfloat16", "float32"):
        torch.manual_seed(1)
        blocks.append(LLMBottleneck(6, LLM4SegConfig(model=str(llama_bf16), layer=1, dtype=dtype)))
    x = torch.randn(2, 6, 3, 4)
    auto, rounded, exact = (block(x) for block in blocks)
    assert auto.dtype == torch.float32 and torch.equal(auto, rounded)
    assert 0 < ((auto - exact).norm() / exact.norm()).item() < 2e-2
    assert all(torch.equal(t, blocks[2].state_dict()[name]) for name, t in blocks[0].state_dict().items())
