import importlib.util
import json
import math

import numpy as np
import pytest

from tracewarp.errors import OptionError, ShapeError, ZeroVectorError
from tracewarp.metrics import Ragged, dtw, dtw_distance
from tracewarp.metrics import peers as module
from tracewarp.metrics._peer_calls import PEERS, Peer, accumulate, cosine_costs, unit_rows
from tracewarp.metrics._peer_relations import Expected
from tracewarp.metrics.peers import compare_peers, random_walks

XS, YS = (random_walks(6, (1, 9), 24, seed=seed) for seed in (1, 2))
EXPECTED = Expected(XS, YS)


def of_pairs(function):
    return np.array([function(XS[p], YS[p]) for p in range(len(XS))])


def least_sum(costs, diagonal):
    """Every monotone path of a small matrix, by recursion."""

    def best(i, j):
        if i == j == 0:
            return costs[0, 0]
        before = [(i - 1, j - 1, diagonal), (i - 1, j, 1), (i, j - 1, 1)]
        return min(best(a, b) + weight * costs[i, j] for a, b, weight in before if a >= 0 and b >= 0)

    return best(costs.shape[0] - 1, costs.shape[1] - 1)


@pytest.mark.parametrize("diagonal", [1, 2])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 4), (4, 1), (3, 5), (5, 5)])
def test_the_textbook_recurrence_is_the_least_sum_over_all_paths(m, n, diagonal):
    costs = np.random.default_rng(m * 10 + n).random((m, n))
    assert accumulate(costs, diagonal) == pytest.approx(least_sum(costs, diagonal), rel=1e-12)


def test_our_distances_are_the_same_and_need_no_words():
    verdict = EXPECTED.judge(of_pairs(dtw_distance))
    assert (verdict.relation, verdict.why) == ("same", "")
    assert verdict.largest_difference == 0


def test_an_approximation_that_is_exact_here_is_still_called_one():
    assert EXPECTED.judge(EXPECTED.distances, "an approximation").why == "an approximation; equal on these pairs"


@pytest.mark.parametrize(
    ("foreign", "word"),
    [
        (lambda d, _: np.sqrt(2 * d), "root"),
        (lambda d, _: 2 * d, "halved"),
        (lambda d, lengths: d / lengths, "length of the warping path"),
    ],
)
def test_functions_of_our_distance_are_converted(foreign, word):
    verdict = EXPECTED.judge(foreign(EXPECTED.distances, EXPECTED.lengths))
    assert verdict.relation == "same after conversion"
    assert word in verdict.why
    assert verdict.largest_difference < 1e-5


@pytest.mark.parametrize(
    ("foreign", "word"),
    [
        (lambda x, y: accumulate(cosine_costs(x, y), 2.0), "symmetric2: "),
        (lambda x, y: accumulate(cosine_costs(x, y), 2.0) / (len(x) + len(y)), "divided by the sum of both lengths"),
        (lambda x, y: dtw(unit_rows(x), unit_rows(y), metric="euclidean").distance, "Euclidean"),
        (lambda x, y: 1.25 * dtw_distance(x, y), "up to 25.0 % above"),
        (lambda x, y: 0.1 + 0.5 * dtw_distance(x, y), "no relation"),
    ],
)
def test_another_measure_is_named_from_its_figures(foreign, word):
    verdict = EXPECTED.judge(of_pairs(foreign))
    assert verdict.relation == "another"
    assert word in verdict.why
    assert verdict.largest_difference is None


def test_a_single_wrong_distance_is_not_the_same():
    raw = EXPECTED.distances.copy()
    raw[3] += 1e-4
    assert EXPECTED.judge(raw).relation == "another"


def test_every_installed_implementation_is_timed_and_the_others_are_named():
    found = compare_peers(XS, YS, threads=2, repeats=2, seconds=0.05)
    assert found.agrees
    assert [one.name for one in found.timings[:3]] == ["tracewarp", "tracewarp", "numpy"]
    installed = {peer.package for peer in PEERS if importlib.util.find_spec(peer.module)}
    assert {one.name for one in found.timings[3:]} == installed
    assert set(found.missing) == {peer.package for peer in PEERS} - installed
    assert all(one.relation != "failed" for one in found.timings)
    assert all(0 < one.seconds_per_pair <= one.slowest for one in found.timings)
    assert found.timings[0].ratio == 1
    assert found.shape == "6 pairs of 1-9 x 1-8 steps, d = 24, float32"
    json.dumps(found.to_dict(), allow_nan=False)


def test_packages_that_fail_or_differ_are_told_and_stop_nobody(monkeypatch):
    def refuses():
        raise RuntimeError("no such library")

    def breaks_later():
        calls = iter([1.0, 1.0])
        return lambda _x, _y: next(calls)

    added = (
        Peer("refuses", "numpy", "dtw(x)", refuses),
        Peer("breaks", "numpy", "dtw(x)", breaks_later),
        Peer("differs", "numpy", "dtw(x)", lambda: lambda x, y: 0.1 * dtw_distance(x, y)),
        Peer("absent", "no_such_module_anywhere", "dtw(x)", refuses),
    )
    monkeypatch.setattr(module, "PEERS", added)
    found = compare_peers(XS, YS, threads=1, repeats=2, seconds=0.05)
    by_name = {one.name: one for one in found.timings}
    assert by_name["refuses"].why == "it failed: RuntimeError: no such library"
    assert by_name["breaks"].relation == "failed" and math.isnan(by_name["breaks"].ratio)
    assert by_name["differs"].relation == "another"
    assert found.missing == ("absent",)
    assert found.notes[-1] == "absent is not installed: pip install absent"
    assert found.agrees
    assert found.to_dict()["timings"][2]["seconds_per_pair"] is None


def test_a_reference_that_disagrees_is_not_hidden(monkeypatch):
    wrong = Peer("numpy", "numpy", "wrong", lambda: lambda x, y: 0.9 * dtw_distance(x, y))
    monkeypatch.setattr(module, "NUMPY", wrong)
    assert not compare_peers(XS, YS, threads=1, repeats=1, seconds=0.05).agrees


def test_a_slow_implementation_is_timed_on_fewer_pairs(monkeypatch):
    import time

    def slow():
        return lambda x, y: time.sleep(0.02) or dtw_distance(x, y)

    monkeypatch.setattr(module, "PEERS", (Peer("slow", "numpy", "dtw(x)", slow),))
    found = compare_peers(XS, YS, threads=1, repeats=1, seconds=0.06)
    assert found.timings[-1].pairs < len(XS)
    assert found.timings[-1].relation == "same"


def test_half_precision_is_widened_before_anything_is_timed():
    half = Ragged(XS.rows.astype(np.float16), XS.offsets)
    found = compare_peers(half, half, threads=1, repeats=1, seconds=0.05)
    assert found.agrees and found.shape.endswith("float32")


def test_bad_input_is_named():
    with pytest.raises(ShapeError, match="ys: expected as many sequences as in xs, 6, got 1"):
        compare_peers(XS, [YS[0]])
    with pytest.raises(OptionError, match="seconds"):
        compare_peers(XS, YS, seconds=0)
    with pytest.raises(OptionError, match="repeats"):
        compare_peers(XS, YS, repeats=0)
    with pytest.raises(ZeroVectorError, match="xs"):
        compare_peers([np.zeros((2, 3), np.float32)], [np.ones((2, 3), np.float32)])
    with pytest.raises(OptionError, match="steps"):
        random_walks(1, (5, 4), 8, seed=0)
    with pytest.raises(OptionError, match="count"):
        random_walks(0, 5, 8, seed=0)


def test_walks_follow_their_seed():
    one, same, other = (random_walks(3, (2, 6), 8, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(one.rows, same.rows) and np.array_equal(one.offsets, same.offsets)
    assert not np.array_equal(one[0][0], other[0][0])
    assert one.rows.dtype == np.float32
