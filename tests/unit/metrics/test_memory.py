"""What would not fit in memory is refused with its size, before anything is allocated."""

import re
import subprocess
import sys
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
        (lambda: metrics.cosine_similarity(SINGLES.rows), "table of cosines would need 1,280,001,600,000 bytes"),
    ],
)
def test_a_call_that_cannot_fit_says_how_much_it_would_need(call, size):
    start = time.perf_counter()
    with pytest.raises(TooLargeError, match=size):
        call()
    assert time.perf_counter() - start < 5


# What each takes of the memory that is left to the process, besides its inputs, is far more than there is.
CALLS = {
    "cosine_pairs": "call(metrics.cosine_pairs, ones(30_000, 8), threshold=-1, strict=False)",
    "cosine_pairs of two": "call(metrics.cosine_pairs, ones(30_000, 8), ones(30_000, 8), threshold=0.5)",
    "cosine_pairs of few and many": "call(metrics.cosine_pairs, ones(2, 2), ones(4_000_000, 2), threshold=0)",
    "cosine_similarity": "call(metrics.cosine_similarity, ones(20_000, 8))",
    "cosine_top_k": "call(metrics.cosine_top_k, ones(20_000, 8), ones(20_000, 8), 15_000)",
    "cosine_top_k of all": "call(metrics.cosine_top_k, ones(64, 1), ones(2_000_000, 1), 2_000_000)",
    "dtw_matrix": "call(metrics.dtw_matrix, singles(20_000))",
    "dtw_nearest": "call(metrics.dtw_nearest, singles(20_000), singles(20_000), k=15_000)",
    "dtw": "call(metrics.dtw, ones(100_000, 1), ones(100_000, 1))",
    "dtw in a band": "call(metrics.dtw, ones(100_000, 1), ones(100_000, 1), window_steps=40_000)",
    "dtw of a long row": "call(metrics.dtw_distance, ones(40, 1), ones(40_000_000, 1, np.float16))",
    "dtw of wide rows": "call(metrics.dtw_distance, *[ones(100, 200_000, np.float16)] * 2)",
    "dtw_from_costs": "call(metrics.dtw_from_costs, ones(1, 60_000_000, np.float16))",
    "dtw_pairs": "call(metrics.dtw_pairs, singles(2), singles(2), np.zeros((12_000_000, 2), np.int64), paths=True)",
    "vertex_dtw": "call(metrics.vertex_dtw, ones(100_000, 1), ones(100_000, 1))",
    "vertex_dtw_pairs": "call(metrics.vertex_dtw_pairs, singles(2), singles(2), np.zeros((12_000_000, 2), np.int64))",
    "gaussian_similarity": "call(metrics.gaussian_similarity, *[ones(50_000_000, 1, np.float16)] * 2)",
    "cluster": "call(metrics.cluster, ones(20_000_000, 1, np.float16))",
    "cluster, first come": "call(metrics.cluster, ones(20_000_000, 1, np.float16), method='first_come')",
    "filter": "call(metrics.DiversityFilter(1, 1.0).add, ones(20_000_000, 1, np.float16))",
    "filter that widens": "call(widened, metrics.DiversityFilter(1_000_000))",
    "hash_ngrams": "call(_core.hash_ngrams, ['a'] * 4_000, 200_000, 1)",
    "hash_ngrams of one text": "call(_core.hash_ngrams, [' '.join(map(str, range(2_000_000)))], 64, 1)",
    "a copy": "call(metrics.cosine_pairs, ones(8_000, 10_000).T, threshold=1)",
    "bca_interval": "call(metrics.bca_interval, [1.0, 2.0], resamples=10**10)",
}
SCRIPT = """
import resource, sys
import numpy as np
from tracewarp import _core, metrics
from tracewarp.errors import TooLargeError

# Threads' stacks and pools of malloc count as address space too.
def ones(rows, dim, dtype=np.float32):
    return np.ones((rows, dim), dtype)

def singles(count):
    return metrics.Ragged(ones(count, 1), np.arange(count + 1))

def widened(made):
    made.add(np.eye(30, 1_000_000, dtype=np.float16))
    made.add(np.ones((1, 1_000_000)))

def call(function, *arguments, **options):
    # The arguments are there already: what does not fit is what the function takes.
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + {room} * 2**20,) * 2)
    try:
        function(*arguments, **options)
    except TooLargeError as error:
        print("refused:", error)
    else:
        print("done")

{call}
"""


def under_a_limit(call, room):
    script = SCRIPT.format(call=call, room=room)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("entry", CALLS)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit of address space is Linux's")
def test_what_does_not_fit_is_an_error_with_its_bytes_and_not_the_end_of_the_process(entry):
    ended = under_a_limit(CALLS[entry], 160)
    assert ended.returncode == 0, ended.stderr
    assert re.match(r"refused: .*would need \d[\d,]* bytes", ended.stdout), ended.stdout


def test_pairs_beyond_memory_name_their_bytes_and_the_options_that_leave_fewer():
    ended = under_a_limit(CALLS["cosine_pairs"], 300)
    assert re.search(r"refused: the similar pairs would need \d{8,} bytes, .*max_pairs leaves fewer", ended.stdout)
    ended = under_a_limit("call(metrics.cosine_pairs, ones(30_000, 8), threshold=0, max_pairs=1000)", 300)
    assert ended.stdout == "done\n"
