"""Injection into nnU-Net's networks: {2D, 3D} x {plain, residual encoder} x every variant."""

import os
import tempfile

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from nnunet_llm4seg import LLM4SegConfig, inject
from nnunet_llm4seg.errors import ConfigError, NetworkError
from nnunet_llm4seg.tokens import token_grid
from nnunet_llm4seg.trainer.variants import VARIANTS

PATCH = {2: (24, 16), 3: (8, 8, 16)}


def unet(dims=2, residual=False, deep_supervision=False) -> nn.Module:
    blocks = {"n_blocks_per_stage": 1} if residual else {"n_conv_per_stage": 1}
    torch.manual_seed(0)
    return (ResidualEncoderUNet if residual else PlainConvUNet)(
        input_channels=1,
        n_stages=3,
        features_per_stage=[4, 6, 8],
        conv_op={2: nn.Conv2d, 3: nn.Conv3d}[dims],
        kernel_sizes=3,
        strides=[1, 2, 2],
        num_classes=2,
        n_conv_per_stage_decoder=1,
        norm_op={2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[dims],
        norm_op_kwargs={"affine": True},
        nonlin=nn.LeakyReLU,
        deep_supervision=deep_supervision,
        **blocks,
    )


def config(llama, **fields) -> LLM4SegConfig:
    return LLM4SegConfig.from_dict({"layer": 1, **fields, "model": str(llama)})


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains_in_every_network(llama, dims, residual, variant):
    fields = {**VARIANTS[variant], "layer": 1}
    network = inject(unet(dims, residual), config(llama, **fields))
    output = network(torch.randn(2, 1, *PATCH[dims]))
    assert output.shape == (2, 2, *PATCH[dims])
    output.mean().backward()
    for name, parameter in network.bottleneck.named_parameters():
        frozen = name.startswith("layer.") and not network.bottleneck.config.trainable
        assert (parameter.grad is None) == frozen == (not parameter.requires_grad), name


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("residual", [False, True])
def test_vanilla_keys_stay_and_new_ones_begin_with_bottleneck(llama, dims, residual):
    vanilla = unet(dims, residual).state_dict()
    injected = inject(unet(dims, residual), config(llama)).state_dict()
    assert all(torch.equal(vanilla[key], injected[key]) for key in vanilla)
    new = injected.keys() - vanilla.keys()
    assert {key.split(".")[0] for key in new} == {"bottleneck"}
    assert {key.split(".")[1] for key in new} == {"adapter1", "layer", "adapter2"}


def test_the_key_set_does_not_depend_on_deep_supervision(llama):
    with_it, without = (inject(unet(deep_supervision=on), config(llama)) for on in (True, False))
    assert with_it.state_dict().keys() == without.state_dict().keys()
    outputs = with_it(torch.randn(1, 1, 16, 16))
    assert [tuple(o.shape[2:]) for o in outputs] == [(16, 16), (8, 8)]
    with_it.decoder.deep_supervision = False
    assert with_it(torch.randn(1, 1, 16, 16)).shape == (1, 2, 16, 16)


def test_a_checkpoint_loads_strictly_into_a_skeleton(llama):
    network = inject(unet(), config(llama))
    other = inject(unet(), network.bottleneck.config, spec=network.bottleneck.spec)
    assert str(other.load_state_dict(network.state_dict(), strict=True)) == "<All keys matched successfully>"
    x = torch.randn(1, 1, 16, 16)
    assert torch.equal(network(x), other(x))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("residual", ["gated", "zero"])
def test_a_residual_leaves_the_vanilla_output_bit_identical(llama, dims, residual):
    x = torch.randn(2, 1, *PATCH[dims])
    assert torch.equal(inject(unet(dims), config(llama, residual=residual))(x), unet(dims)(x))


@pytest.mark.parametrize(("stage", "channels"), [(-1, 8), (-2, 6), (-3, 4)])
def test_stage_chooses_the_skip_that_goes_through_the_layer(llama, stage, channels):
    network = inject(unet(), config(llama, stage=stage))
    seen = []
    network.bottleneck.register_forward_hook(lambda m, inputs, output: seen.append(inputs[0].shape))
    network(torch.randn(1, 1, 24, 16))
    grid = token_grid(network.encoder.strides, (24, 16), stage)
    assert [tuple(shape) for shape in seen] == [(1, channels, *grid)]


def test_injected_network_compiles_to_one_graph(llama):
    network = inject(unet(), config(llama))
    x = torch.randn(1, 1, 16, 16)
    expected = network(x)
    assert torch.allclose(torch.compile(network, fullgraph=True, backend="aot_eager")(x), expected, atol=1e-5)


def test_what_nnunet_looks_up_on_a_network_is_kept(llama):
    vanilla, network = unet(), inject(unet(), config(llama))
    assert network.key_to_encoder == vanilla.key_to_encoder
    assert network.compute_conv_feature_map_size((16, 16)) == vanilla.compute_conv_feature_map_size((16, 16))


@pytest.mark.parametrize("network", [nn.Linear(2, 2), nn.Sequential(nn.Conv2d(1, 1, 1))])
def test_a_network_without_encoder_and_decoder_is_refused(llama, network):
    with pytest.raises(NetworkError, match=f"{type(network).__name__} has no encoder"):
        inject(network, config(llama))


def test_a_network_with_other_parts_is_refused(llama):
    network = unet()
    network.head = nn.Linear(2, 2)
    with pytest.raises(NetworkError, match=r"head\.weight"):
        inject(network, config(llama))


def test_injecting_twice_and_a_stage_too_many_are_refused(llama):
    with pytest.raises(NetworkError, match="contains an LLM layer already"):
        inject(inject(unet(), config(llama)), config(llama))
    with pytest.raises(ConfigError, match="-4 is not allowed; this encoder has stages -1 to -3"):
        inject(unet(), config(llama, stage=-4))


def _train_on_one_rank(rank: int, folder: str, model: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    network = inject(unet(deep_supervision=True), LLM4SegConfig(model=model, layer=1))
    start = {k: v.clone() for k, v in network.state_dict().items()}
    parallel = nn.parallel.DistributedDataParallel(network)
    optimizer = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), 0.1)
    torch.manual_seed(rank)
    for _ in range(3):
        optimizer.zero_grad()
        sum(logits.square().mean() for logits in parallel(torch.randn(2, 1, 16, 16))).backward()
        optimizer.step()
    torch.save({"start": start, "end": network.state_dict()}, os.path.join(folder, f"{rank}.pt"))
    torch.distributed.destroy_process_group()


def test_two_processes_train_the_adapters_alike_and_keep_the_layer(llama):
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_train_on_one_rank, (folder, str(llama)), nprocs=2)
        first, second = (torch.load(os.path.join(folder, f"{rank}.pt")) for rank in (0, 1))
    for key, value in first["end"].items():
        assert torch.equal(value, second["end"][key]), key
        if key.startswith("bottleneck."):
            assert torch.equal(value, first["start"][key]) == key.startswith("bottleneck.layer."), key
