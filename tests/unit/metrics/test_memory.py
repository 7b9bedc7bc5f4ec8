"""What would not fit in memory is refused with its size, before anything is allocated."""

import time

import numpy as np
import pytest

from tracewarp import metrics
from tracewarp.errors import TooLargeError

STEPS = np.ones((1 << 21, 1), dtype=np.float32)
SINGLES = metrics.Ragged(np.ones((400_000, 1), dtype=np.float32), np.arange(400_001))


@pytest.mark.parametrize(
    ("call", "size"),
    [
        (lambda: metrics.dtw(STEPS, STEPS), "warping paths would need 1,099,545,"),
        (lambda: metrics.dtw_distance(STEPS, STEPS, normalize="path"), "warping paths would need 1,099,545,"),
        (lambda: metrics.dtw_pairs([STEPS], [STEPS], paths=True), "warping paths would need 1,099,545,"),
        (lambda: metrics.vertex_dtw(STEPS, STEPS), "warping paths would need 1,099,545,"),
        (lambda: metrics.vertex_dtw_pairs([STEPS], [STEPS], [[0, 0]]), "warping paths would need 1,099,545,"),
        (lambda: metrics.dtw_matrix(SINGLES), "matrix of distances would need 1,280,000,000,000 bytes"),
        (lambda: metrics.dtw_matrix(SINGLES, SINGLES), "matrix of distances would need 1,280,000,000,000 bytes"),
        (lambda: metrics.cosine_similarity(SINGLES.rows), "table of cosines would need 1,280,000,000,000 bytes"),
    ],
)
def test_a_call_that_cannot_fit_says_how_much_it_would_need(call, size):
    start = time.perf_counter()
    with pytest.raises(TooLargeError, match=size):
        call()
    assert time.perf_counter() - start < 5
