import numpy as np
import pytest
import torch

from nnunet_llm4seg.analysis.measure import measure, query_tokens
from nnunet_llm4seg.analysis.recording import Recording
from nnunet_llm4seg.errors import CheckpointError


def test_lesion_token_has_the_most_foreground():
    mask = np.zeros((32, 32), bool)
    mask[8:16, 20:32] = True
    assert query_tokens(mask, (4, 4)) == {"lesion": (1, 3), "middle": (2, 2), "last": (3, 3)}


def test_of_equal_tokens_the_one_at_the_masks_centre_is_taken():
    mask = np.zeros((20, 8, 8), bool)
    mask[:, 4:, 4:] = True
    assert query_tokens(mask, (5, 2, 2))["lesion"] == (2, 1, 1)


def test_without_foreground_there_is_no_lesion_token():
    assert list(query_tokens(np.zeros((8, 8), bool), (2, 2))) == ["middle", "last"]


def measured(features):
    mask = np.zeros((8, 8), bool)
    mask[2:4, 2:4] = True
    return measure("a", np.zeros((1, 8, 8)), mask, Recording(features, None, None, features))


def test_features_that_are_not_numbers_are_one_sentence():
    features = torch.randn(6, 4, 4)
    features[0, 1, 2] = torch.nan
    with pytest.raises(CheckpointError, match=r"^a: the features before the LLM layer contain NaN .* again\.$"):
        measured(features)


def test_an_offset_of_all_tokens_hides_the_rank_but_not_the_centred_one():
    features = torch.randn(6, 4, 4, generator=torch.Generator().manual_seed(0)) + 100
    numbers = measured(features).places["before"].numbers
    assert numbers["effective_rank"] < 2 and numbers["effective_rank_centred"] > 4
