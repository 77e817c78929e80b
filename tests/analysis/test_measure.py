import numpy as np

from nnunet_llm4seg.analysis.measure import query_tokens


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
