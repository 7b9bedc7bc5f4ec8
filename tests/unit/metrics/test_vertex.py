"""VERTEX_DTW: what its datasheet claims."""

import inspect
import json
import math

import numpy as np
import pytest

from tracewarp import metrics
from tracewarp.errors import EmptyInputError, OptionError, RowIndexError, ShapeError
from tracewarp.metrics import VertexOptions, dtw, gaussian_similarity, mmd2, vertex_dtw, vertex_dtw_pairs

MODES = ("normalized", "eq1", "released")
BASELINES = ("zero_pad", "hold_last", "scalar_mean", "none")


def rows(steps, seed=0, dim=16, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal((steps, dim)).astype(dtype)


class TestModes:
    def test_a_self_match_is_1_normalised_and_falls_short_by_a_cell_otherwise(self):
        own = rows(5)
        scores = {mode: vertex_dtw(own, own, trivial=own[:1], mode=mode).score for mode in MODES}
        assert scores == {"normalized": 1.0, "eq1": 4 / 5, "released": 4 / 5}

    def test_without_a_trivial_trajectory_z_is_0_and_every_self_match_is_1(self):
        own = rows(5)
        for mode in MODES:
            for z in BASELINES:
                found = vertex_dtw(own, own, mode=mode, z=z)
                assert found.score == 1
                assert found.z.tolist() == [0.0] * 5

    def test_a_one_step_reference_equal_to_the_trivial_page_leaves_nothing_to_measure(self):
        page = rows(1)
        found = vertex_dtw(page, page, trivial=page)
        assert (found.score, found.counted) == (0.0, 0)
        assert vertex_dtw_pairs([page], [page], [(0, 0)], trivials=[page]).counted.tolist() == [0]

    def test_only_cells_with_headroom_are_counted(self):
        reference, trivial = rows(4), rows(4)
        trivial[2] = rows(1, seed=9)[0]
        found = vertex_dtw(reference, rows(6, seed=1), trivial=trivial)
        assert found.counted == np.count_nonzero(1 - found.z >= 1e-3) < len(found.path)
        assert vertex_dtw(reference, rows(6, seed=1), trivial=trivial, min_headroom=0).counted == len(found.path)

    def test_released_may_be_negative_down_to_minus_1(self):
        here, there = np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])
        assert vertex_dtw(here, there, trivial=here, mode="released", gamma=1e3).score == -1

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("gamma", [1e-6, 1.0, 1e6, 1.7e308, 5e-324])
    def test_scores_are_finite_and_in_range_for_every_bandwidth(self, mode, gamma):
        for seed in range(10):
            reference, test = rows(3, seed, dim=2), rows(4, seed + 1, dim=2)
            test[0] = reference[0]
            score = vertex_dtw(reference, test, trivial=test[:2], mode=mode, gamma=gamma).score
            assert (-1 if mode == "released" else 0) <= score <= 1


class TestParts:
    def test_the_parts_make_the_score(self):
        found = vertex_dtw(rows(6), rows(9, seed=1), trivial=rows(2, seed=2), mode="released")
        assert np.mean(found.decay * (found.similarity - found.z)) == pytest.approx(found.score, rel=1e-12)
        np.testing.assert_array_equal(found.decay, 1 / (1 + np.abs(found.path[:, 0] - found.path[:, 1])))
        assert json.loads(json.dumps(found.to_dict()))["options"]["mode"] == "released"

    def test_the_path_is_that_of_the_alignment(self):
        reference, test = rows(6), rows(9, seed=1)
        for ties in ("diagonal", "fastdtw-py", "fastdtw-cy"):
            found = vertex_dtw(reference, test, ties=ties)
            assert found.path.tolist() == dtw(reference, test, ties=ties).path.tolist()

    def test_the_similarity_is_the_kernel_of_the_unit_rows(self):
        reference, test = rows(6, dtype=np.float64), rows(9, seed=1, dtype=np.float64)
        found = vertex_dtw(reference, test, gamma=0.7)
        u, v = (own / np.linalg.norm(own, axis=1, keepdims=True) for own in (reference, test))
        expected = gaussian_similarity(u[found.path[:, 0]], v[found.path[:, 1]], gamma=0.7)
        np.testing.assert_allclose(found.similarity, expected, rtol=1e-12)

    def test_rows_are_normalised_first(self):
        reference, test = rows(5), rows(7, seed=1)
        assert vertex_dtw(reference * 4, test * 0.5).score == vertex_dtw(reference, test).score

    def test_a_node_is_matched_more_than_once(self):
        # The paper excludes a matched node from new matches; warping does not, nor does the released code.
        one = rows(1)
        found = vertex_dtw(one, np.repeat(one, 4, axis=0))
        assert found.path.tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
        assert found.score == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)

    def test_decays(self):
        reference, test = rows(4), np.repeat(rows(4), 2, axis=0)
        scores = [vertex_dtw(reference, test, decay=decay).score for decay in ("none", "relative", "hyperbolic")]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] == 1

    def test_the_strength_is_how_fast_the_relative_decay_falls(self):
        reference, test = rows(4), rows(7, seed=1)
        previous = vertex_dtw(reference, test, decay="none").score
        for strength in (0.5, 1, 2, 8):
            found = vertex_dtw(reference, test, decay="relative", strength=strength)
            apart = np.abs(found.path[:, 0] / 3 - found.path[:, 1] / 6)
            np.testing.assert_allclose(found.decay, 1 / (1 + strength * apart), rtol=1e-15)
            assert found.score < previous
            assert found.options.strength == strength
            previous = found.score

    def test_a_position_is_0_in_a_sequence_of_one_step(self):
        one, three = rows(1), np.repeat(rows(1), 3, axis=0)
        for strength, expected in ((1, [1, 1 / 1.5, 1 / 2]), (2, [1, 1 / 2, 1 / 3])):
            for reference, test in ((one, three), (three, one)):
                found = vertex_dtw(reference, test, decay="relative", strength=strength)
                assert found.decay.tolist() == expected
            assert vertex_dtw(one, one, decay="relative", strength=strength).decay.tolist() == [1]


class TestBaselines:
    def test_strategies(self):
        reference, trivial = rows(4), rows(2, seed=1)
        k = {
            i: vertex_dtw(reference[i : i + 1], trivial[j : j + 1]).similarity[0]
            for i, j in ((0, 0), (1, 1), (2, 1), (3, 1))
        }
        mean = np.mean([vertex_dtw(reference[i : i + 1], trivial[:1]).similarity[0] for i in range(4)])
        expected = {
            "zero_pad": [k[0], k[1], 0, 0],
            "hold_last": [k[0], k[1], k[2], k[3]],
            "scalar_mean": [mean] * 4,
            "none": [0] * 4,
        }
        for z, values in expected.items():
            found = vertex_dtw(reference, reference, trivial=trivial, z=z)
            np.testing.assert_allclose(found.z, values, atol=1e-6)

    def test_there_is_one_trivial_trajectory_a_reference(self):
        with pytest.raises(ShapeError, match=r"^trivials: expected one sequence a reference, 2, got 1"):
            vertex_dtw_pairs([rows(2), rows(3)], [rows(2)], [(0, 0)], trivials=[rows(1)])


class TestBatch:
    def test_a_batch_gives_the_bits_of_its_singles_for_any_number_of_threads(self):
        references, tests = [rows(s + 1, s) for s in range(5)], [rows(2 * s + 1, s + 9) for s in range(4)]
        trivials = [rows(1, s) for s in range(5)]
        pairs = [(r, t) for t in range(4) for r in range(5)][::-1]
        for threads in (1, 2, 8):
            batch = vertex_dtw_pairs(references, tests, pairs, trivials=trivials, threads=threads, z="hold_last")
            for p, (r, t) in enumerate(pairs):
                single = vertex_dtw(references[r], tests[t], trivial=trivials[r], z="hold_last")
                assert (batch.scores[p], batch.counted[p]) == (single.score, single.counted)
                assert batch.path(p).tolist() == single.path.tolist()
        assert json.loads(json.dumps(batch.to_dict()))["n_tests"] == 4
        with pytest.raises(RowIndexError, match=r"^index: expected 0 to 19"):
            batch.path(20)

    def test_best_is_the_maximum_with_the_lowest_reference_among_equals(self):
        own, other = rows(4), rows(3, seed=1)
        batch = vertex_dtw_pairs([other, own, own], [other, own, own], [(2, 1), (1, 1), (0, 1), (0, 0), (2, 0)])
        scores, chosen = batch.best()
        assert chosen.tolist() == [0, 1, -1]
        assert scores[:2].tolist() == [1, 1]
        assert math.isnan(scores[2])

    def test_references_are_combined_by_maximum_mean_or_median(self):
        references, tests = [rows(s + 2, s) for s in range(4)], [rows(3, 9), rows(4, 10), rows(2, 11)]
        pairs = [(r, t) for r in (3, 0, 2, 1) for t in (1, 0)]
        batch = vertex_dtw_pairs(references, tests, pairs)
        for aggregate, of in (("max", np.max), ("mean", np.mean), ("median", np.median)):
            scores, chosen = batch.best(reference_aggregate=aggregate)
            for t in (0, 1):
                each = {r: score for (r, s), score in zip(pairs, batch.scores.tolist(), strict=True) if s == t}
                assert scores[t] == pytest.approx(of(list(each.values())), rel=1e-15)
                assert chosen[t] == max(each, key=each.get)
            assert math.isnan(scores[2])
            assert chosen[2] == -1
        assert len({batch.best(reference_aggregate=a).scores[0] for a in ("max", "mean", "median")}) == 3

    def test_an_unknown_aggregate_is_an_error(self):
        with pytest.raises(OptionError, match=r"^reference_aggregate: expected one of max, mean, median, got 'min'"):
            vertex_dtw_pairs([rows(2)], [rows(2)], []).best(reference_aggregate="min")

    @pytest.mark.parametrize("aggregate", ["max", "mean", "median"])
    def test_an_aggregate_of_no_pairs_is_nothing(self, aggregate):
        assert np.isnan(vertex_dtw_pairs([rows(2)], [rows(2)], []).best(reference_aggregate=aggregate).scores).all()

    def test_best_of_no_pairs_chooses_nothing(self):
        scores, chosen = vertex_dtw_pairs([rows(2)], [rows(2)], []).best()
        assert chosen.tolist() == [-1]
        assert np.isnan(scores).all()


class TestChance:
    def test_unrelated_random_rows_score_about_0_065(self):
        # 0.0648 over 3,000 pairs; a pair deviates by 0.0165, so the mean of 500 by 0.0007.
        n, rng = 500, np.random.default_rng(1)
        references, tests = (rng.standard_normal((n, steps, 768), dtype=np.float32) for steps in (8, 12))
        scores = vertex_dtw_pairs(list(references), list(tests), [(p, p) for p in range(n)]).scores
        assert scores.mean() == pytest.approx(0.065, abs=0.002)


class TestDiscrepancy:
    def test_both_are_symmetric_and_in_range(self):
        for seed in range(20):
            x, y = rows(3, seed, dim=2), rows(5, seed + 20, dim=2)
            np.testing.assert_array_equal(gaussian_similarity(x, y[:3]), gaussian_similarity(y[:3], x))
            for estimator in ("biased", "unbiased"):
                assert mmd2(x, y, estimator=estimator) == pytest.approx(mmd2(y, x, estimator=estimator), abs=1e-15)
            assert 0 <= mmd2(x, y) <= 2
            assert mmd2(x, x) <= 1e-15

    def test_of_point_masses_it_is_2_minus_2k(self):
        u, v = rows(1, dim=3), rows(1, seed=1, dim=3)
        assert mmd2(u, v) == pytest.approx(2 - 2 * gaussian_similarity(u, v)[0], abs=1e-15)

    def test_the_unbiased_estimate_needs_two_rows(self):
        with pytest.raises(ShapeError, match=r"^y: expected at least 2 rows for the unbiased estimator, got 1"):
            mmd2(rows(2), rows(1), estimator="unbiased")
        assert mmd2(rows(1), rows(1)) == 0

    def test_the_unbiased_estimate_may_be_negative_and_the_biased_one_not(self):
        found = [[mmd2(rows(4, s), rows(5, s + 50), estimator=e) for s in range(50)] for e in ("unbiased", "biased")]
        assert min(found[0]) < 0 <= min(found[1])

    def test_several_bandwidths_are_averaged_or_summed(self):
        x, y = rows(3), rows(4, seed=1)
        each = [mmd2(x, y, gamma=gamma) for gamma in (0.01, 0.1)]
        for gamma in ([0.01, 0.1], (0.01, 0.1), np.array([0.01, 0.1])):
            assert mmd2(x, y, gamma=gamma) == pytest.approx(sum(each) / 2)
            assert mmd2(x, y, gamma=gamma, combine="sum") == pytest.approx(sum(each))

    @pytest.mark.parametrize("options", [{"gamma": []}, {"estimator": "both"}, {"combine": "max"}])
    def test_options(self, options):
        with pytest.raises(OptionError, match=rf"^{next(iter(options))}: expected "):
            mmd2(rows(2), rows(2), **options)

    def test_the_adaptive_kernel_says_the_same_of_every_two_vectors(self):
        for seed in range(5):
            u, v = rows(1, seed, dtype=np.float64), rows(1, seed + 5, dtype=np.float64)
            gammas = 1 / (np.sum((u - v) ** 2) * 2.0 ** np.arange(-2, 3))
            assert mmd2(u, v, gamma=gammas, combine="sum") == pytest.approx(6.186276, abs=1e-6)


def test_signatures_are_those_of_the_options():
    # The single call spells its options out, for help() and editors; they must not drift from the options' own.
    for function, options in ((vertex_dtw, VertexOptions), (dtw, metrics.DtwOptions)):
        spelled = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name != "trivial"
        }
        assert spelled == {field.name: field.default for field in options.__dataclass_fields__.values()}


def test_an_unknown_option_is_named():
    with pytest.raises(OptionError, match=r"^options: expected names among mode, .*, got colour$"):
        vertex_dtw_pairs([rows(1)], [rows(1)], [(0, 0)], colour="red")


def test_an_empty_test_is_an_error_here():
    with pytest.raises(EmptyInputError, match=r"^test: expected at least one step, got shape \(0, 16\)"):
        vertex_dtw(rows(2), rows(2)[:0])
