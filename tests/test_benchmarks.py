"""The benchmark scripts run; their numbers are not tested."""

import json
import sys
from pathlib import Path

import pytest
import torch

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


def test_the_folder_has_llamas_layout_and_can_be_read(tmp_path, monkeypatch):
    import bench_common

    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1}
    monkeypatch.setattr(bench_common, "LLAMA_1B", {**bench_common.LLAMA_1B, **sizes, "head_dim": 16})

    from nnunet_llm4seg.config import LLM4SegConfig
    from nnunet_llm4seg.llm.source import prepare_layer

    layer_bytes = bench_common.make_folder(tmp_path / "model", layers=2, vocabulary=8)
    prepared = prepare_layer(LLM4SegConfig(model=str(tmp_path / "model"), layer=1))
    spec, tensors = prepared.spec, prepared.tensors
    assert layer_bytes == sum(t.numel() * t.element_size() for t in tensors.values())
    assert set(spec.dtypes.values()) == {"bfloat16"}
    assert all(torch.isfinite(t).all() for t in tensors.values())


def test_without_a_gpu_the_gpu_benchmark_says_so_and_exits_with_2(monkeypatch, capsys):
    import bench_gpu

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bench_gpu.py"])
    assert bench_gpu.main() == 2
    assert "needs CUDA" in capsys.readouterr().err


def test_networks_and_blocks_are_compared_on_any_device(llama, monkeypatch, capsys):
    import bench_common
    import bench_networks
    import bench_parts

    for module in (bench_networks, bench_parts):
        monkeypatch.setattr(module, "LAYER", 1)
    device = torch.device("cpu")
    rows = bench_networks.compare_networks(llama, {"2D": (3, (2, 1, 16, 16))}, device, repeats=1)
    assert [row["case"] for row in rows] == ["2D, training, 2x1x16x16", "2D, prediction, 2x1x16x16"]
    assert all(row["ratio"] > 0 for row in rows)
    blocks = bench_parts.compare_blocks(llama, [2, 3], device, repeats=1, channels=8)
    assert [row["tokens"] for row in blocks] == [4, 9]
    bench_common.report("title", blocks)
    assert {"official way, float32 / ms", "official way, bf16 / ms"} < blocks[0].keys()
    assert capsys.readouterr().out.count("|") == 4 * 7
    json.dumps(rows + blocks)


def test_each_network_is_measured_alone_and_sees_one_batch_size(llama, monkeypatch):
    import weakref

    import bench_networks

    alive, batches = [], []
    make = bench_networks._network

    def watched(*arguments):
        assert not [network for network in alive if network() is not None], "the network before was not freed"
        network = make(*arguments)
        alive.append(weakref.ref(network))
        return network

    def compiled(wanted, network):
        assert wanted
        network.register_forward_pre_hook(lambda module, inputs: batches.append(len(inputs[0])))
        return network

    monkeypatch.setattr(bench_networks, "LAYER", 1)
    monkeypatch.setattr(bench_networks, "_network", watched)
    monkeypatch.setattr(bench_networks, "compile_if", compiled)
    bench_networks.compare_networks(llama, {"2D": (3, (2, 1, 16, 16))}, torch.device("cpu"), repeats=1, compiled=True)
    assert len(alive) == 8  # two arms, two phases each, training and prediction
    assert batches == [2] * 12 + [1] * 12  # nothing is compiled with another batch before


def test_the_official_way_computes_what_the_bottleneck_computes(llama, monkeypatch):
    import bench_parts

    from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck

    block = LLMBottleneck(8, LLM4SegConfig(model=str(llama), layer=1))
    image = torch.randn(2, 8, 3, 4)
    official = bench_parts.OfficialBlock(block, 12, torch.device("cpu"))
    torch.testing.assert_close(official(image), block(image), rtol=1e-5, atol=1e-5)


def test_the_bytes_that_are_read_and_hashed_are_those_of_the_layer(llama, monkeypatch, capsys):
    import bench_cpu
    from tiny_models import layer_tensors

    from nnunet_llm4seg.llm import hashing

    monkeypatch.setattr(bench_cpu, "LAYER", 1)
    monkeypatch.setattr(hashing, "hashlib", hashing.hashlib)  # to be put back
    bench_cpu.load_once(bench_cpu.WAYS[1], str(llama))  # imports what reads a layer
    monkeypatch.setattr(bench_cpu.CountedSha256, "count", 0)
    bench_cpu.load_once(bench_cpu.WAYS[1], str(llama))
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    size = sum(tensor.numel() * tensor.element_size() for tensor in layer_tensors(llama, 1).values())
    assert size <= found["read"] <= 1.1 * size + 20_000  # and the header, config.json and /proc
    assert size <= found["hashed"] <= 1.1 * size + 2_000


def test_the_overhead_of_a_study_is_its_wall_time_over_its_trainings_own(tmp_path, monkeypatch):
    import bench_study

    from nnunet_llm4seg.study import attempts
    from nnunet_llm4seg.study.file import parse_study
    from nnunet_llm4seg.study.trainings import StudyData, list_trainings

    study = parse_study(bench_study.STUDY, tmp_path, "bench.yaml")
    data = StudyData("Dataset301_X", "2d", (("a",), ("b",)), ".png")
    own = {}
    for number, training in enumerate(list_trainings(study, [data])):
        training.folder.mkdir(parents=True)
        (training.folder / "attempt_001.log").write_text("x\n" + attempts.end_line("failed", 10.0, "disk"))
        (training.folder / "attempt_002.log").write_text("x\n" + attempts.end_line("done", 80.0 + number))
        own[training.key] = bench_study.own_seconds(training)
    assert sorted(own.values()) == [90, 91, 92, 93]
    row = bench_study.overhead(384.3, own)
    assert row["trainings"] == 4 and row["their own s"] == 366
    assert row["ratio"] == pytest.approx(1.05) and row["added per training, s"] == pytest.approx(4.575)
    (training.folder / "attempt_003.log").write_text("it still runs")
    with pytest.raises(RuntimeError, match="is not done"):
        bench_study.own_seconds(training)


def test_a_start_ends_at_the_first_epoch_and_an_earlier_end_is_refused(tmp_path, monkeypatch):
    import bench_start

    monkeypatch.setattr(bench_start, "_BIN", tmp_path)
    for name, text in {"begins": "echo Epoch 0; exec sleep 600", "fails": "echo no data; exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    assert bench_start.until_first_epoch([["begins"], ["begins"]]) < 300  # it does not wait for the sleeping ones
    with pytest.raises(RuntimeError, match="fails ended before its first epoch"):
        bench_start.until_first_epoch([["begins"], ["fails"]])
