"""nnU-Net's contract: every backbone x {vanilla, frozen, gated} x deep supervision on and off."""

import pydoc

import pytest
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from tiny_backbones import SCALES, TINY, image, tiny

from nnunet_llm4seg import LLM4SegConfig, inject
from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.tokens import strides_of, token_grid

ARMS = {"vanilla": None, "frozen": {}, "gated": {"residual": "gated"}}

every_network = pytest.mark.parametrize("name", TINY)
every_arm = pytest.mark.parametrize("arm", ARMS)
with_and_without_supervision = pytest.mark.parametrize("deep_supervision", [False, True])


@pytest.fixture
def build(llama):
    def build(name: str, arm: str, deep_supervision: bool) -> torch.nn.Module:
        network = tiny(name, deep_supervision=deep_supervision)
        if ARMS[arm] is None:
            return network
        return inject(network, LLM4SegConfig(model=str(llama), layer=1, **ARMS[arm]))

    return build


@every_network
@every_arm
def test_the_keys_do_not_depend_on_deep_supervision_and_load_strictly(build, name, arm):
    with_it, without = (build(name, arm, deep_supervision) for deep_supervision in (True, False))
    assert list(with_it.state_dict()) == list(without.state_dict())
    vanilla = tiny(name).state_dict()
    assert {key for key in with_it.state_dict() if not key.startswith("bottleneck.")} == vanilla.keys()
    with torch.no_grad():
        for tensor in with_it.parameters():
            tensor.add_(0.01 * tensor.requires_grad)
    assert not any(without.load_state_dict(with_it.state_dict(), strict=True))
    x = image(name)
    with torch.no_grad():
        assert torch.equal(with_it.eval()(x)[0], without.eval()(x))
    assert not any(with_it.load_state_dict(without.state_dict(), strict=True))


@every_network
@every_arm
@with_and_without_supervision
def test_logits_come_at_the_scales_that_nnunet_supervises_in_training_and_evaluation(
    build, name, arm, deep_supervision
):
    network, patch = build(name, arm, deep_supervision), TINY[name][2]
    for training in (True, False):
        outputs = network.train(training)(image(name))
        if deep_supervision:
            assert isinstance(outputs, list) and len(outputs) == SCALES
            sizes = [tuple(edge // 2**scale for edge in patch) for scale in range(SCALES)]
            assert [tuple(output.shape) for output in outputs] == [(2, 2, *size) for size in sizes]
        else:
            assert outputs.shape == (2, 2, *patch)


@every_network
@every_arm
def test_nnunet_switches_deep_supervision(build, name, arm):
    network = build(name, arm, False)
    network.decoder.deep_supervision = True  # nnU-Net does after each validation, whatever the trainer
    assert len(network(image(name))) == SCALES
    network.decoder.deep_supervision = False
    assert network(image(name)).shape == (2, 2, *TINY[name][2])


@every_network
@with_and_without_supervision
def test_a_gated_start_is_the_vanilla_network_bit_by_bit(build, name, deep_supervision):
    vanilla, gated = (build(name, arm, deep_supervision)(image(name)) for arm in ("vanilla", "gated"))
    for one, other in zip(vanilla, gated, strict=True):
        assert torch.equal(one, other)


@every_network
@every_arm
@with_and_without_supervision
def test_every_trained_parameter_gets_a_gradient(build, name, arm, deep_supervision):
    network = build(name, arm, deep_supervision)
    outputs = network(image(name))
    sum(output.square().mean() for output in (outputs if deep_supervision else [outputs])).backward()
    missing = {key for key, p in network.named_parameters() if p.requires_grad and p.grad is None}
    assert not missing
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", [name for name in TINY if name != "mednext-2d"])  # traced as the 3D one is; seconds
@every_arm
@with_and_without_supervision
def test_the_network_compiles_to_one_graph(build, name, arm, deep_supervision):
    torch.compiler.reset()
    network, x = build(name, arm, deep_supervision).eval(), image(name)
    with torch.no_grad():
        expected = network(x)
        compiled = torch.compile(network, fullgraph=True, backend="eager")(x)
    for one, other in zip(compiled, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@every_network
@every_arm
@with_and_without_supervision
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_logits_under_autocast_are_finite(build, name, arm, deep_supervision, dtype):
    network = build(name, arm, deep_supervision)
    with torch.autocast("cpu", dtype=dtype):
        outputs = network(100 * image(name))
    for output in outputs:
        assert output.dtype == dtype and output.isfinite().all()


@every_network
def test_the_token_grid_follows_from_the_encoders_strides(build, name):
    network, patch = tiny(name), TINY[name][2]
    skips = network.encoder(image(name))
    assert [skip.shape[1] for skip in skips] == network.encoder.output_channels
    grids = [tuple(token_grid(strides_of(network), patch, stage)) for stage in range(-SCALES - 1, 0)]
    assert [tuple(skip.shape[2:]) for skip in skips] == grids
    assert grids[-1] == tuple(edge // 16 for edge in patch)


@every_network
@with_and_without_supervision
def test_the_size_of_the_feature_maps_is_counted_without_running_the_network(name, deep_supervision):
    network, patch = tiny(name, deep_supervision=deep_supervision), TINY[name][2]
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    counted = []
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.modules.conv._ConvNd)]
    hooks = [m.register_forward_hook(lambda m, i, output: counted.append(output.numel())) for m in convolutions]
    network.eval()(image(name, batch=1))
    expected = sum(counted)
    for hook in hooks:
        hook.remove()
    assert network.train().compute_conv_feature_map_size(patch) == expected
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


@every_network
def test_nnunet_builds_the_network_that_plans_name(name):
    cls, arguments, patch = TINY[name]
    dims = len(patch)
    planned = {**arguments, "n_stages": 5, "strides": [[1] * dims] + [[2] * dims] * 4}
    path = f"nnunet_llm4seg.backbones.{cls}"
    network = get_network_from_plans(path, planned, [], 2, 3, deep_supervision=True)
    assert isinstance(network, pydoc.locate(path))
    assert network(image(name))[0].shape == (2, 3, *patch)


@every_network
def test_pretrained_weights_leave_the_heads_out_as_nnunet_does(name):
    heads = {key for key in tiny(name).state_dict() if ".seg_layers." in key}
    two, three = tiny(name).state_dict(), tiny(name, classes=3).state_dict()
    assert {key for key in two if two[key].shape != three[key].shape} == heads


@every_network
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_stages": 6}, r"n_stages: 6 is not allowed, this \w+ has 5"),
        ({"strides": [1, 2, 2, 2]}, "strides: .* is not allowed, this .* has"),
        ({"strides": [1, 2, 2, 2, 1]}, "strides: .* is not allowed, this .* has"),
    ],
)
def test_another_topology_than_its_own_is_refused(name, given, message):
    from nnunet_llm4seg import backbones

    cls, arguments, _ = TINY[name]
    with pytest.raises(ConfigError, match=message):
        getattr(backbones, cls)(1, 2, **{**arguments, **given})


@pytest.mark.parametrize(
    ("cls", "given", "message"),
    [
        ("UNet", {"features_per_stage": [8]}, "features_per_stage"),
        ("CMUNeXt", {"n_blocks_per_stage": (1, 1)}, "n_blocks_per_stage"),
        ("CMUNeXt", {"kernel_sizes": (3, 3, 7, 7, 8)}, "kernel size: 8"),
        ("MedNeXt", {"expansion_ratios": (2,) * 5}, "expansion_ratios"),
        ("MedNeXt", {"kernel_size": 4}, "kernel size: 4"),
        ("MedNeXt", {"features": 0}, "features"),
        ("MedNeXt", {"strides": [[1, 1], [2, 2, 2], [2, 2], [2, 2], [2, 2]]}, "2 or 3 entries"),
        ("UXNet", {"features_per_stage": (48, 96, 192, 384, 768)}, "features_per_stage"),
        ("UXNet", {"hidden": -1}, "hidden"),
    ],
)
def test_arguments_that_are_not_the_networks_are_refused(cls, given, message):
    from nnunet_llm4seg import backbones

    with pytest.raises(ConfigError, match=message):
        getattr(backbones, cls)(1, 2, **given)
