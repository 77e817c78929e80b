"""The layer behind a named module of networks that have no encoder and decoder of nnU-Net's kind."""

import copy
import pickle

import pytest
import torch
from torch import nn

from nnunet_llm4seg import LLM4SegConfig, inject_at
from nnunet_llm4seg.errors import NetworkError


def segresnet():
    from monai.networks.nets import SegResNet

    return SegResNet(2, 8, 1, 2, blocks_down=(1, 1, 1), blocks_up=(1, 1)), (32, 16)


def dynunet():
    from monai.networks.nets import DynUNet

    strides = (1, 2, 2)
    return DynUNet(2, 1, 2, (3, 3, 3), strides, strides[1:], filters=(4, 8, 16), norm_name="instance"), (16, 24)


def swinunetr():
    from monai.networks.nets import SwinUNETR

    return SwinUNETR(in_channels=1, out_channels=2, feature_size=12, spatial_dims=2), (64, 64)


PATHS = [
    (segresnet, "down_layers.2", 32),
    (dynunet, "bottleneck", 16),
    (swinunetr, "encoder10", 192),
]


def config(folder, **fields):
    return LLM4SegConfig(model=str(folder), layer=1, **fields)


@pytest.mark.parametrize(("build", "path", "channels"), PATHS, ids=lambda value: getattr(value, "__name__", None))
def test_the_layer_follows_a_named_module_of_monais_networks(build, path, channels, llama):
    pytest.importorskip("monai")
    vanilla, size = build()
    keys, state = list(vanilla.state_dict()), copy.deepcopy(vanilla.state_dict())
    x = torch.randn(1, 1, *size)
    with torch.no_grad():
        before = vanilla.eval()(x)
        network = inject_at(vanilla, path, config(llama, residual="zero"))
        assert network is vanilla
        assert torch.equal(network(x), before)
        assert [key for key in network.state_dict() if not key.startswith("llm_bottleneck.")] == keys
        assert network.llm_bottleneck.adapter1.in_features == channels
        network.llm_bottleneck.adapter2.bias.fill_(3.0)
        assert not torch.allclose(network(x), before)
        network.load_state_dict(state, strict=False)  # a vanilla checkpoint
        assert not torch.allclose(network(x), before)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU()), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.last(self.first(x))


@pytest.fixture
def small(llama):
    return inject_at(Small(), "first", config(llama))


X = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_sends_its_features_through_its_own_layer(small, copied):
    other = copied(small)
    assert torch.equal(other(X), small(X))
    with torch.no_grad():
        other.llm_bottleneck.adapter2.weight.zero_()
    assert not torch.allclose(other(X), small(X))
    small(X).sum().backward()
    assert small.llm_bottleneck.adapter1.weight.grad is not None


def test_a_graph_of_the_vanilla_network_does_not_serve_it(llama):
    build, path, channels = PATHS[0]
    network, size = build()
    x = torch.randn(1, 1, *size)
    torch.compile(network, backend="eager")(x)
    injected = inject_at(build()[0], path, config(llama), channels=channels)
    torch.testing.assert_close(torch.compile(injected, backend="eager")(x), injected(x))


def test_it_compiles_to_one_graph(small):
    compiled = torch.compile(small, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(X), small(X))


class Odd(nn.Module):
    """Has a module that it does not use, one with several outputs, and one of tokens."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)
        self.several, self.tokens = Several(), nn.Linear(8, 8)

    def forward(self, x):
        return self.tokens(self.several(self.used(x))[0].flatten(2).mT)


class Several(nn.Module):
    def forward(self, x):
        return [x, x]


@pytest.mark.parametrize(
    ("path", "options", "sentence"),
    [
        ("unused", {}, "did not use 'unused', so nothing went through"),
        ("several", {"channels": 8}, r"'several' is no feature map \(B, C, H, W\).* but list; name another"),
        ("tokens", {"channels": 8}, r"'tokens' is no feature map .* but of shape \(2, 81, 8\)"),
        ("used", {"channels": 5}, "'used' has 8 channels, not 5; inject with channels=8"),
    ],
)
def test_what_only_a_forward_pass_shows_is_one_sentence(llama, path, options, sentence):
    network = inject_at(Odd(), path, config(llama), **options)
    with pytest.raises(NetworkError, match=sentence):
        network(X)


def test_what_cannot_be_injected_is_refused(llama, small):
    for path, sentence in (
        ("nowhere", "no module 'nowhere' in Odd; the modules in it are used, unused, several, tokens"),
        ("used.conv", "the modules in 'used' of it are none"),
        ("", "no module ''"),
        ("tokens", "contains no convolution; give its channels, channels=C"),
    ):
        with pytest.raises(NetworkError, match=sentence):
            inject_at(Odd(), path, config(llama))
    with pytest.raises(NetworkError, match="stage: -2 means nothing here"):
        inject_at(Odd(), "used", config(llama, stage=-2))
    with pytest.raises(NetworkError, match="contains an LLM layer already"):
        inject_at(small, "last", config(llama))
    with pytest.raises(NetworkError, match="is a Sequential; put an LLMBottleneck between its parts"):
        inject_at(nn.Sequential(nn.Conv2d(3, 8, 1)), "0", config(llama))
