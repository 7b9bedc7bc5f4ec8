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
SCRIPT = """
import signal, sys, time
import numpy as np
from tracewarp import metrics

# A background job's shell may have told its children to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

def rows(steps):
    return np.random.default_rng(steps).standard_normal((steps, 2)).astype(np.float32)

print("begun", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(3)
print("finished", flush=True)
"""


@pytest.mark.parametrize("entry", LONG_CALLS)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
def test_ctrl_c_ends_a_long_call_within_two_seconds(entry):
    script = SCRIPT.format(call=LONG_CALLS[entry])
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(0.7)
            assert process.poll() is None, "the call was not long"
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            said = process.stdout.read()
            assert time.monotonic() - pressed < 2
            assert said == "interrupted\n"
            assert process.wait(5) == 3
        finally:
            process.kill()


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
