"""A second report builds and times no network unless something has changed."""

import json
import os
import signal
import sys

import pytest
from fake_results import make

from nnunet_llm4seg.evaluation.arms import kept_costs
from nnunet_llm4seg.evaluation.arms.choose import choose_arms
from nnunet_llm4seg.evaluation.arms.cost import Cost


@pytest.fixture
def costs(tmp_path, monkeypatch):
    """A function that gives the costs of two arms, and how often their networks were measured."""
    fake = make(tmp_path, monkeypatch)
    measured = []

    def measure(arms, configuration, fold):
        measured.append(len(arms))
        return {arm.name: vars(Cost(parameters=5, latency_ms=1.5, device="CPU", note=run.note)) for arm in arms}

    def run(**changes):
        arms = choose_arms("901", "2d").arms
        for arm in arms:
            path = arm.runs[0].checkpoint(0)
            if "touched" in changes:
                os.utime(path, ns=(1, changes["touched"]))
        return kept_costs.costs(arms, "2d", 0, tmp_path / "costs.json"), len(measured)

    run.note = ""
    run.path, run.fake = tmp_path / "costs.json", fake
    monkeypatch.setattr(kept_costs, "measure_costs", measure)
    return run


def test_what_was_measured_is_used_again_with_what_the_logs_tell_now(costs):
    first, count = costs()
    second, again = costs()
    assert (count, again) == (1, 1)
    for name, cost in second.items():
        assert (cost["parameters"], cost["latency_ms"], cost["device"]) == (5, 1.5, "CPU")
        assert cost["checkpoint_bytes"] > 0
        assert list(cost) == list(first[name])


def test_another_checkpoint_is_measured_anew(costs):
    costs()
    assert costs(touched=10**18)[1] == 2


def test_a_network_that_could_not_be_measured_is_tried_again(costs):
    costs.note = "network not measured"
    assert [costs()[1], costs()[1]] == [1, 2]
    assert not costs.path.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parameters", -1),
        ("parameters", True),
        ("latency_ms", "<script>"),
        ("latency_ms", 1e999),
        ("flops", 10**400),
        ("device", 3),
    ],
)
def test_a_file_that_is_not_ours_is_not_used(costs, name, value):
    costs()
    content = json.loads(costs.path.read_text())
    next(iter(content["costs"].values()))[name] = value
    costs.path.write_text(json.dumps(content))
    assert costs()[1] == 2
    costs.path.write_text("[" * 100_000)
    assert costs()[1] == 3


def measured_elsewhere(arms, configuration, fold):
    return {arm.name: vars(Cost(device=str(os.getpid()))) for arm in arms}


def killed(arms, configuration, fold):
    os.kill(os.getpid(), signal.SIGKILL)


def test_where_torch_is_not_loaded_networks_are_measured_in_a_process_of_their_own(costs, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(kept_costs, "measure_costs", measured_elsewhere)
    assert all(cost["device"] not in ("", str(os.getpid())) for cost in costs()[0].values())


def test_a_network_that_needs_too_much_memory_does_not_take_the_report_with_it(costs, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(kept_costs, "measure_costs", killed)
    for cost in costs()[0].values():
        assert "memory ran out" in cost["note"] and cost["checkpoint_bytes"] > 0
    assert not costs.path.exists()
