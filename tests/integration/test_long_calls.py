"""A long call ends at Ctrl-C, and lets other threads run meanwhile."""

import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from tracewarp import metrics

# Each would run for a minute or more on any machine.
LONG_CALLS = {
    "dtw_distance": "metrics.dtw_distance(rows(400_000), rows(400_000))",
    "dtw_pairs": "metrics.dtw_pairs([rows(200_000)] * 3, [rows(200_000)] * 3, threads=2)",
    "dtw_matrix": "metrics.dtw_matrix([rows(3_000)] * 300)",
    "dtw_nearest": "metrics.dtw_nearest([rows(3_000)] * 300, [rows(3_000) + 1] * 300, k=300, threads=2)",
    "vertex_dtw_pairs": "metrics.vertex_dtw_pairs([rows(5_000)], [rows(5_000)], [(0, 0)] * 4_000, threads=2)",
    "mmd2": "metrics.mmd2(rows(400_000), rows(400_000))",
}
# One item of each is huge: Ctrl-C is heard inside it.
HUGE_ITEMS = {
    "dtw_distance of wide rows": "call(metrics.dtw_distance, wide(96, 400_000), wide(96, 400_000))",
    "dtw_distance of few wide rows": "call(metrics.dtw_distance, *[wide(24, 4_000_000)] * 2, metric='euclidean')",
    "dtw_distance of a long sequence": "call(metrics.dtw_distance, wide(40, 2), wide(20_000_000, 2))",
    "dtw of a long row of costs": "call(metrics.dtw_from_costs, np.ones((3, 60_000_000), np.float32))",
    "dtw in a band": "call(metrics.dtw_distance, wide(300, 200_000), wide(300, 200_000), window_steps=250)",
    "dtw_matrix of two long ones": "call(metrics.dtw_matrix, [wide(30_000, 256)] * 2)",
    "dtw_matrix of many": "call(metrics.dtw_matrix, metrics.Ragged(wide(24_000, 2), np.arange(24_001)))",
    "dtw_nearest of wide rows": "call(metrics.dtw_nearest, [wide(96, 200_000)] * 4, [wide(96, 200_000)] * 4)",
    "vertex_dtw of wide rows": "call(metrics.vertex_dtw, *[wide(96, 400_000)] * 2, trivial=wide(96, 400_000))",
    "gaussian_similarity of wide rows": "again(metrics.gaussian_similarity, *[wide(2, 100_000_000)] * 2)",
    "mmd2 of wide rows": "call(metrics.mmd2, wide(100, 2_000_000), wide(100, 2_000_000))",
    "cosine_similarity of wide rows": "call(metrics.cosine_similarity, wide(200, 1_000_000))",
    "cosine_similarity of zeros": "again(metrics.cosine_similarity, np.zeros((2, 150_000_000)), zero='orthogonal')",
    "cosine_top_k of wide rows": "call(metrics.cosine_top_k, wide(200, 1_000_000), wide(200, 1_000_000), 100)",
    "cosine_pairs of wide rows": "call(metrics.cosine_pairs, wide(200, 1_000_000), threshold=-1)",
    "cosine_pairs of many": "call(metrics.cosine_pairs, wide(60_000, 2), threshold=-0.9, max_pairs=10**9)",
    "cluster of wide rows": "call(metrics.cluster, wide(200, 1_000_000), 0.001)",
    "cluster, first come": "call(metrics.cluster, wide(200, 1_000_000), 0.5, method='first_come')",
    "filter of wide rows": "call(metrics.DiversityFilter(1_000_000).add, wide(200, 1_000_000))",
    "filter of one wide row": "again(metrics.DiversityFilter(100_000_000, 1.0).add, wide(1, 100_000_000))",
    "hash_ngrams of one text": "call(_core.hash_ngrams, [' '.join(map(str, range(8_000_000)))], 64, 1)",
    "hash_ngrams of one word": "again(_core.hash_ngrams, ['ab' * 100_000_000], 64, 1)",
    "hash_ngrams without a word": "again(_core.hash_ngrams, [' .' * 200_000_000], 64, 1)",
    "bca_interval": "call(metrics.bca_interval, np.random.default_rng(0).random(1_000_000))",
    "studentised": "call(metrics.clustered_ratio, *np.random.default_rng(0).random((2, 40)), resamples=10**7)",
    "sign flips": "call(metrics.compare_paired, np.random.default_rng(0).random((1, 1_000_000)))",
    "rows in another order": "again(metrics.gaussian_similarity, *[wide(10_000_000, 8).T] * 2)",
    "rows in another dtype": "again(metrics.mmd2, wide(2, 50_000_000), wide(2, 50_000_000).astype(np.float64))",
    "a list of rows": "again(metrics.mmd2, [[0.5] * 1000] * 30_000, [[1.5] * 1000])",
}
SCRIPT = """
import functools, signal, sys, time
import numpy as np
from tracewarp import _core, metrics

# A background job's shell may have told its children to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

def rows(steps):
    return np.random.default_rng(steps).standard_normal((steps, 2)).astype(np.float32)

def wide(rows, dim):
    made = np.empty((rows, dim), np.float32)
    made[:] = np.sin(np.arange(dim, dtype=np.float32) % 1000)
    made[:, : min(dim, 9)] += np.arange(rows, dtype=np.float32)[:, None] % 7
    return made

def again(call, *arguments, **options):
    # One call may end before the key is pressed.
    print("begun", flush=True)
    while True:
        call(*arguments, **options)

def call(function, *arguments, **options):
    # The arguments are there; what is interrupted is the function.
    print("begun", flush=True)
    function(*arguments, **options)

try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(3)
print("finished", flush=True)
"""


def seconds_to_end(call):
    """Presses Ctrl-C in the middle of a call, and returns how long it went on."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(call=call)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(0.7)
            assert process.poll() is None, "the call was not long"
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            said = process.stdout.read()
            ended = time.monotonic() - pressed
            assert said == "interrupted\n"
            assert process.wait(5) == 3
            return ended
        finally:
            process.kill()


@pytest.mark.parametrize("entry", LONG_CALLS)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
def test_ctrl_c_ends_a_long_call_within_two_seconds(entry):
    assert seconds_to_end('print("begun", flush=True); ' + LONG_CALLS[entry]) < 2


@pytest.mark.slow
@pytest.mark.parametrize("entry", HUGE_ITEMS)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
def test_ctrl_c_is_heard_inside_a_huge_item(entry):
    # Half a second on a free machine; two, as above, where tests run side by side.
    assert seconds_to_end(HUGE_ITEMS[entry]) < 2


def rows(steps, dim=64, seed=0):
    return np.random.default_rng(seed).standard_normal((steps, dim)).astype(np.float32)


# Made for a size: the call, with its arrays already there.
BUSY_CALLS = {
    "dtw": lambda n: partial(metrics.dtw, rows(200 * n), rows(200 * n)),
    "dtw_distance": lambda n: partial(metrics.dtw_distance, rows(200 * n), rows(200 * n)),
    "dtw_pairs": lambda n: partial(metrics.dtw_pairs, [rows(200 * n)], [rows(200 * n)], threads=1),
    "dtw_matrix": lambda n: partial(metrics.dtw_matrix, [rows(20 * n)] * 10, threads=1),
    "dtw_nearest": lambda n: partial(metrics.dtw_nearest, [rows(20 * n)] * 9, [rows(20 * n)] * 9, k=9, threads=1),
    "vertex_dtw": lambda n: partial(metrics.vertex_dtw, rows(200 * n), rows(200 * n)),
    "mmd2": lambda n: partial(metrics.mmd2, rows(100 * n), rows(100 * n)),
    "gaussian_similarity": lambda n: partial(
        metrics.gaussian_similarity, *[np.zeros((n * 50_000, 16), np.float16)] * 2
    ),
}


def longest_gap(call):
    """Seconds that the call took, and the longest time that this thread was not heard of meanwhile."""
    times = []

    def timed():
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)

    worker = threading.Thread(target=timed)
    beats = [time.perf_counter()]
    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        beats.append(time.perf_counter())
    worker.join()
    beats.append(time.perf_counter())
    return times[0], max(np.diff(beats))


@pytest.mark.parametrize("entry", BUSY_CALLS)
def test_other_threads_run_during_a_call(entry):
    seconds = 0.0
    for n in (5, 10, 20, 40, 80, 160, 320, 640):
        seconds, gap = longest_gap(BUSY_CALLS[entry](n))
        if seconds > 0.25:
            # A call that kept the interpreter would leave one gap as long as itself.
            assert gap < 0.5 * seconds
            return
    pytest.fail(f"no call was long enough to tell: {seconds:.3f} s")


def test_a_call_that_keeps_the_interpreter_would_be_noticed():
    seconds, gap = longest_gap(partial(sorted, np.random.default_rng(0).random(2_000_000).tolist()))
    assert gap > 0.5 * seconds
