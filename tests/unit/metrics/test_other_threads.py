"""What other threads, forks, copies and signals do to a call: senseless numbers at worst, never a broken process."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from tracewarp import metrics
from tracewarp.errors import OffsetsError, RowIndexError, SchemaVersionError, TracewarpError
from tracewarp.metrics import DiversityFilter

ROWS = np.random.default_rng(5).standard_normal((900, 16)).astype(np.float32)


def while_another_writes(write, call, seconds=2.0):
    """Calls again and again while another thread writes; what is ours may be raised, a panic may not."""
    done = threading.Event()

    def writing():
        step = 0
        while not done.is_set():
            write(step)
            step += 1

    writer = threading.Thread(target=writing)
    timer = threading.Timer(seconds, done.set)
    writer.start()
    timer.start()
    calls = 0
    try:
        while not done.is_set():
            with contextlib.suppress(TracewarpError):
                call()
            calls += 1
    finally:
        done.set()
        timer.cancel()
        writer.join()
    assert calls > 1


def restless_offsets():
    """A set whose offsets another thread moves to and fro, at times to where no rows are."""
    offsets = np.arange(0, 901, 9)
    good = offsets.copy()
    made = metrics.Ragged(ROWS, offsets)
    assert made.offsets is offsets

    def write(step):
        offsets[1:-1] = good[1:-1] if step % 2 else [0, 10**12, -5][step % 3]

    return made, write


OFFSETS = {
    "dtw_pairs": lambda made: metrics.dtw_pairs(made, made, paths=True, threads=2),
    "dtw_matrix": lambda made: metrics.dtw_matrix(made, threads=2),
    "dtw_nearest": lambda made: metrics.dtw_nearest(made, made, 3, threads=2),
    "vertex_dtw_pairs": lambda made: metrics.vertex_dtw_pairs(
        made, made, [(i, 99 - i) for i in range(100)], trivials=made, threads=2
    ),
}


@pytest.mark.parametrize("entry", OFFSETS)
def test_offsets_that_change_during_a_call_are_an_error_at_worst(entry):
    made, write = restless_offsets()
    while_another_writes(write, lambda: OFFSETS[entry](made))


def test_offsets_that_changed_before_a_call_are_an_error():
    offsets = np.array([0, 5, 900])
    made = metrics.Ragged(ROWS, offsets)
    offsets[1] = 2000
    with pytest.raises(OffsetsError, match=r"^xs: offsets must ascend"):
        metrics.dtw_matrix(made)


def test_pairs_that_change_during_a_call_are_an_error_at_worst():
    made = metrics.Ragged(ROWS, np.arange(0, 901, 9))
    pairs = np.zeros((400, 2), np.int64)

    def write(step):
        pairs[:] = [50, 10**15, -(10**15)][step % 3] if step % 2 else 7

    while_another_writes(write, lambda: metrics.dtw_pairs(made, made, pairs, paths=True, threads=2))
    pairs[:] = 0
    pairs[3, 1] = 100
    with pytest.raises(RowIndexError, match="index 100 at position 3"):
        metrics.dtw_pairs(made, made, pairs)


CHANGING = {
    "dtw": lambda rows: metrics.dtw(rows, rows[::-1]),
    "dtw in a band": lambda rows: metrics.dtw(rows, rows, window_steps=20, ties="fastdtw-py"),
    "dtw with a short side": lambda rows: metrics.dtw(rows[:20], rows, metric="euclidean"),
    "dtw_from_costs": lambda rows: metrics.dtw_from_costs(rows, ties="fastdtw-cy"),
    "dtw_matrix": lambda rows: metrics.dtw_matrix(metrics.Ragged(rows, np.arange(0, 901, 9)), threads=2),
    "vertex_dtw": lambda rows: metrics.vertex_dtw(rows, rows[::-1]),
    "cosine_similarity": lambda rows: metrics.cosine_similarity(rows, threads=2),
    "cosine_top_k": lambda rows: metrics.cosine_top_k(rows, rows, 5, threads=2),
    "cosine_pairs": lambda rows: metrics.cosine_pairs(rows, threshold=0.2, threads=2),
    "cluster": lambda rows: metrics.cluster(rows, 0.6, threads=2),
    "first come": lambda rows: metrics.cluster(rows, 0.6, method="first_come", threads=2),
    "filter": lambda rows: DiversityFilter(16).add(rows, threads=2),
    "mmd2": lambda rows: metrics.mmd2(rows[:300], rows[300:]),
}


@pytest.mark.parametrize("entry", CHANGING)
@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
def test_rows_that_change_during_a_call_give_numbers_without_sense_at_worst(entry):
    rows = np.abs(ROWS)
    kinds = [np.nan, np.inf, 1e-30, 3e38, 0.0]

    def write(step):
        rows[step % 7 :: 7] = kinds[step % 5] if step % 2 else np.abs(ROWS[step % 7 :: 7])

    while_another_writes(write, lambda: CHANGING[entry](rows), seconds=1.0)


def test_a_filter_is_copied_and_pickled_as_it_is():
    whole = DiversityFilter(16, 0.3, zero="orthogonal")
    expected = [whole.add(part).to_dict() for part in (ROWS[:300], ROWS[300:].astype(np.float64))]
    for copied in (copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))):
        first = DiversityFilter(16, 0.3, zero="orthogonal")
        found = [first.add(ROWS[:300]).to_dict()]
        second = copied(first)
        assert (second.dim, second.threshold, second.zero, second.seen) == (16, 0.3, "orthogonal", 300)
        found.append(second.add(ROWS[300:].astype(np.float64)).to_dict())
        assert found == expected
        # Each goes on by itself.
        assert (first.seen, second.seen) == (300, 900)
        assert (first.rows.dtype, second.rows.dtype) == (np.float32, np.float64)
    assert pickle.loads(pickle.dumps(DiversityFilter(3))).seen == 0


def test_a_pickled_filter_of_another_version_or_of_no_filter_is_an_error():
    state = DiversityFilter(16).__getstate__()
    made = DiversityFilter.__new__(DiversityFilter)
    with pytest.raises(SchemaVersionError, match="version 7"):
        made.__setstate__({**state, "_state": {**state["_state"], "schema_version": 7}})
    with pytest.raises(TracewarpError, match="indices"):
        made.__setstate__({**state, "_state": {**state["_state"], "indices": np.array([4])}})


class Named(DiversityFilter):
    name = "class"


def test_a_subclass_keeps_what_it_has_of_its_own():
    made = Named(16)
    made.name = "own"
    found = pickle.loads(pickle.dumps(made))
    assert (type(found), found.name) == (Named, "own")


def test_a_filter_is_saved_while_another_thread_accepts(tmp_path):
    made = DiversityFilter(16, 0.4)
    path = tmp_path / "filter.npz"
    failed = []

    def saving():
        try:
            for _ in range(25):
                made.save(path)
                loaded = DiversityFilter.load(path)
                assert loaded.seen % 9 == 0
                assert len(copy.copy(made)) <= made.seen
        except BaseException as error:
            failed.append(error)

    savers = [threading.Thread(target=saving) for _ in range(3)]
    for saver in savers:
        saver.start()
    for start in range(0, 900, 9):
        made.add(ROWS[start : start + 9])
    for saver in savers:
        saver.join()
    assert failed == []
    assert made.seen == 900
    assert [entry.name for entry in tmp_path.iterdir()] == ["filter.npz"]


FORK = """
import os, sys, threading, time, warnings
import numpy as np
from tracewarp import metrics

warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads: that is the point here
rows = np.random.default_rng(0).standard_normal((6_000, 64)).astype(np.float32)
made = metrics.DiversityFilter(64, 0.5)
made.add(rows[:100], threads=2)
stop = threading.Event()

def adding():
    while not stop.is_set():
        made.add(rows, threads=2)

def pairing():
    while not stop.is_set():
        metrics.cosine_pairs(rows, threshold=0.9, threads=2)

workers = [threading.Thread(target=target) for target in (adding, adding, pairing)]
for worker in workers:
    worker.start()
for _ in range(4):
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        seen = made.seen
        assert (seen - 100) % len(rows) == 0, seen
        made.add(rows[:50], threads=2)
        assert made.seen == seen + 50
        metrics.cluster(rows[:500], threads=2)
        metrics.dtw_matrix([rows[:60]] * 4, threads=2)
        os._exit(0)
    deadline = time.monotonic() + 60
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.kill(child, 9)
            sys.exit("a child hangs")
        time.sleep(0.01)
    assert status == 0, status
stop.set()
for worker in workers:
    worker.join()
print("forked")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_fork_beside_busy_threads_leaves_a_filter_that_works():
    ended = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=200)
    assert (ended.returncode, ended.stdout) == (0, "forked\n"), ended.stderr


FIRST_CALL = """
import signal, threading
from tracewarp import _core

signal.signal(signal.SIGINT, signal.default_int_handler)
texts = ["a page of so many words " * 40] * {texts}

# The signal comes while the call has left the interpreter, and Python hears of it when the call makes its array.
presser = threading.Timer(0.002, lambda: signal.raise_signal(signal.SIGINT))
try:
    presser.start()
    while True:
        _core.hash_ngrams(texts, 64, 1)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("texts", [100, 200, 400, 800])
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a thread there")
def test_ctrl_c_in_the_first_call_that_makes_an_array_is_a_keyboard_interrupt(texts):
    script = FIRST_CALL.format(texts=texts)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert (ended.stdout, ended.stderr) == ("interrupted\n", "")
