"""Axial positions: each axis of the grid turns its own share of a head's rotary pairs."""

import math

import pytest
import torch

from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.positions import rotary_frequencies, rotary_tables

FREQUENCIES = [1.0, 0.5, 0.2, 0.1, 0.03, 0.01]
GRIDS = [(5, 4), (3, 4, 5)]


def turned(vectors: torch.Tensor, tables) -> torch.Tensor:
    """Rotate (N, R) vectors as the layers do: dimension r with dimension r + R/2."""
    cos, sin = (table[0] for table in tables)
    half = vectors.shape[-1] // 2
    return vectors * cos + torch.cat((-vectors[:, half:], vectors[:, :half]), dim=-1) * sin


def scores(grid, query, key) -> torch.Tensor:
    """Attention scores (*grid, *grid) between tokens that all have the same query and the same key."""
    tables = rotary_tables("axial", grid, FREQUENCIES)
    tokens = math.prod(grid)
    queries, keys = (turned(v.expand(tokens, -1), tables) for v in (query, key))
    return (queries @ keys.T).view(*grid, *grid)


@pytest.fixture
def query_and_key():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 2 * len(FREQUENCIES), generator=generator)


@pytest.mark.parametrize("grid", GRIDS)
def test_content_moved_along_one_axis_moves_the_attention_to_it_by_as_much(grid, query_and_key):
    every = scores(grid, *query_and_key)  # [query's place, key's place]
    origin = (0,) * len(grid)
    for axis in range(len(grid)):
        shift = tuple(int(a == axis) for a in range(len(grid)))
        moved = every[tuple(slice(s, None) for s in shift) * 2]
        kept = every[tuple(slice(0, n - s) for n, s in zip(grid, shift, strict=True)) * 2]
        torch.testing.assert_close(moved, kept, rtol=1e-4, atol=1e-4)
        assert every[origin + shift] != pytest.approx(every[origin + origin].item(), abs=1e-3)


@pytest.mark.parametrize("grid", GRIDS)
def test_moving_the_key_along_one_axis_turns_that_axis_pairs_only(grid):
    cos, _ = rotary_tables("axial", grid, FREQUENCIES)
    by_pair = cos[0, :, : len(FREQUENCIES)].view(*grid, len(FREQUENCIES))
    for axis in range(len(grid)):
        first = by_pair.select(axis, 0)
        second = by_pair.select(axis, 1)
        changed = (first != second).flatten(0, -2).any(0)
        assert changed.tolist() == [pair % len(grid) == axis for pair in range(len(FREQUENCIES))]


def test_raster_order_is_not_relative_in_two_dimensions_but_axial_is(query_and_key):
    """With rope the right neighbour and the token below differ only in their raster distance; axes do not exist."""
    grid = (4, 4)
    tables = rotary_tables("rope", grid, FREQUENCIES)
    queries, keys = (turned(v.expand(16, -1), tables) for v in query_and_key)
    rope = (queries @ keys.T).view(*grid, *grid)
    axial = scores(grid, *query_and_key)
    # from (0, 3) to (1, 0): one step in raster order, but a far jump in the image
    assert rope[0, 3, 1, 0] == pytest.approx(rope[0, 0, 0, 1].item(), abs=1e-3)
    assert axial[0, 3, 1, 0] != pytest.approx(axial[0, 0, 0, 1].item(), abs=1e-3)


def test_each_pair_keeps_the_models_own_frequency():
    cos, sin = rotary_tables("axial", (3, 3), FREQUENCIES)
    row, column = 2, 1
    for pair, frequency in enumerate(FREQUENCIES):
        angle = (row, column)[pair % 2] * frequency
        for half in (pair, pair + len(FREQUENCIES)):
            assert cos[0, row * 3 + column, half].item() == pytest.approx(math.cos(angle), abs=1e-6)
            assert sin[0, row * 3 + column, half].item() == pytest.approx(math.sin(angle), abs=1e-6)


def test_one_axis_is_the_models_own_rope():
    for ours, rope in zip(
        rotary_tables("axial", (7,), FREQUENCIES), rotary_tables("rope", (7,), FREQUENCIES), strict=True
    ):
        assert torch.equal(ours, rope)


def test_a_layer_that_turns_a_part_of_each_head_gets_tables_of_that_part():
    partial = {
        "model_type": "phi3",
        "hidden_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "partial_rotary_factor": 0.75,
        "pad_token_id": 0,
    }
    frequencies = rotary_frequencies(describe_layer(partial, 0), "axial")
    assert frequencies == pytest.approx([10000.0 ** (-2 * pair / 12) for pair in range(6)])
    assert rotary_tables("axial", (2, 2), frequencies)[0].shape == (1, 4, 12)
