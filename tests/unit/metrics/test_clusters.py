"""Estimates over clusters against the formulas of docs/definitions/statistics.md, written out anew."""

import json
from collections import defaultdict
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from tracewarp.errors import OptionError, ShapeError
from tracewarp.metrics import statistics as st

SIZES = [9, 5, 5, 3, 2, 2, 1, 1, 1, 1]


def clustered(seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    keys = np.repeat(np.arange(len(sizes)), sizes)
    values = (rng.random(len(keys)) < rng.random(len(sizes))[keys]).astype(float)
    order = rng.permutation(len(keys))
    return values[order], keys[order].tolist()


def slow_variance(values, keys):
    """Linearised variance of a mean over clusters, one cluster after the other."""
    members = defaultdict(list)
    for value, key in zip(values, keys, strict=True):
        members[key].append(value)
    mean, g = sum(values) / len(values), len(members)
    return g / (g - 1) * sum(sum(v - mean for v in found) ** 2 for found in members.values()) / len(values) ** 2


def slow_wilson(p, n, confidence=0.95):
    z = stats.norm.ppf((1 + confidence) / 2)
    centre, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)]


def ends(estimate):
    return [estimate.interval.low, estimate.interval.high]


@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_a_proportion_is_wilsons_at_the_effective_number_of_trials(confidence):
    values, keys = clustered()
    found = st.clustered_proportion(values, clusters=st.ClusterIndex.of(keys, "template"), confidence=confidence)
    p, variance = values.mean(), slow_variance(values, keys)
    effective = 30**2 / sum(size**2 for size in SIZES)
    level = (1 + confidence) / 2
    trials = min(max(p * (1 - p) / variance, effective), 30)
    trials *= (stats.norm.ppf(level) / stats.t.ppf(level, effective - 1)) ** 2
    assert ends(found) == pytest.approx(slow_wilson(p, trials, confidence), abs=1e-12)
    assert (found.value, found.n, found.cluster, found.clusters) == (pytest.approx(p), 30, "template", 10)
    assert found.effective_clusters == pytest.approx(effective)
    assert found.design_effect == pytest.approx(variance / slow_variance(values, range(30)))
    by_cluster = [values[np.array(keys) == key].mean() for key in range(10)]
    assert found.mean_of_clusters == pytest.approx(np.mean(by_cluster))


def test_identical_repeats_are_no_further_evidence():
    once = st.clustered_proportion([1.0] * 10 + [0.0] * 10)
    ten_times = st.clustered_proportion([1.0] * 10 + [0.0] * 10, episodes=200)
    assert ends(ten_times) == ends(once)
    assert [round(100 * end) for end in ends(once)] == [29, 71]


def test_repeats_that_differ_within_tasks_are_further_evidence_up_to_their_number():
    half = st.clustered_proportion([0.5] * 20, episodes=200)
    t = stats.t.ppf(0.975, 19) / stats.norm.ppf(0.975)
    assert ends(half) == pytest.approx(slow_wilson(0.5, 200 / t**2), abs=1e-12)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_proportion_of_0_or_1_has_the_effective_clusters_as_trials(p):
    found = st.clustered_proportion([p] * 12, episodes=60, clusters=st.ClusterIndex.of([0, *range(11)]))
    effective = 144 / (4 + 10)
    trials = effective * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, effective - 1)) ** 2
    low, high = slow_wilson(p, trials)
    assert ends(found) == pytest.approx([max(low, 0.0), min(high, 1.0)], abs=1e-12)
    assert found.interval.high - found.interval.low > 0.2


@pytest.mark.parametrize(("sizes", "gives"), [([4] * 5, False), ([4] * 6, True)])
def test_below_six_clusters_there_is_no_interval_and_the_reason_is_said(sizes, gives):
    values, keys = clustered(1, sizes)
    clusters = st.ClusterIndex.of(keys, "capability")
    for found in (
        st.clustered_proportion(values, clusters=clusters),
        st.clustered_mean(values, clusters=clusters),
        st.clustered_ratio(values, values + 1, clusters=clusters),
        *st.compare_paired([values - 0.3], clusters=clusters),
    ):
        assert (found.interval is not None) is gives
        assert found.reason == (None if gives else "5 capabilities; an interval needs at least 6")


@pytest.mark.parametrize("values", [[0.0] * 30, [0.4] * 30, [1.0] * 100])
def test_a_mean_of_equal_values_has_no_interval(values):
    found = st.clustered_mean(values, bounded=True)
    assert (found.interval, found.reason, found.design_effect) == (None, "all values are equal", None)
    assert found.value == pytest.approx(values[0])


def test_many_clusters_take_bca_and_few_take_another_method():
    values = np.random.default_rng(0).random(60)
    many = st.clustered_mean(values, seed=3)
    assert many.interval == st.bca_interval(values, seed=3)
    assert st.clustered_mean(values[:49], bounded=True).interval.method == "wilson"
    assert st.clustered_mean(values[:49]).interval.method == "studentised bootstrap"


def test_wilson_of_a_bounded_mean_uses_its_own_variance():
    values = np.random.default_rng(1).beta(4, 2, 20)
    found = st.clustered_mean(values, bounded=True)
    trials = values.mean() * (1 - values.mean()) / (values.var(ddof=1) / 20)
    trials *= (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 19)) ** 2
    assert ends(found) == pytest.approx(slow_wilson(values.mean(), trials), abs=1e-12)


def slow_studentised(sums, sizes, seed, resamples):
    rng, g = np.random.default_rng(seed), len(sums)

    def fit(s, m):
        mean = s.sum() / m.sum()
        return mean, sqrt(g / (g - 1) * ((s - mean * m) ** 2).sum()) / m.sum()

    mean, error = fit(sums, sizes)
    pivots = []
    for drawn in rng.integers(0, g, (resamples, g)):
        star, own = fit(sums[drawn], sizes[drawn])
        pivots.append((star - mean) / own)
    low, high = np.quantile(pivots, 0.025, method="lower"), np.quantile(pivots, 0.975, method="higher")
    return [mean - high * error, mean - low * error]


def test_the_studentised_bootstrap_is_the_slow_loop():
    rng = np.random.default_rng(5)
    steps, invalid = rng.integers(4, 30, 20).astype(float), rng.integers(0, 4, 20).astype(float)
    found = st.clustered_ratio(invalid, steps, seed=2, resamples=2_000)
    assert found.value == pytest.approx(invalid.sum() / steps.sum())
    assert ends(found) == pytest.approx(slow_studentised(invalid, steps, 2, 2_000), rel=1e-9)


def test_bca_over_clusters_is_the_slow_loop():
    sizes = np.random.default_rng(0).integers(1, 6, 70)
    keys = np.repeat(np.arange(70), sizes)
    values = np.random.default_rng(1).random(len(keys))
    found = st.bca_interval(values, clusters=st.ClusterIndex.of(keys.tolist()), seed=7, resamples=2_000)
    sums = np.array([values[keys == g].sum() for g in range(70)])
    drawn = np.random.default_rng(7).integers(0, 70, (2_000, 70))
    means = np.array([sums[row].sum() / sizes[row].sum() for row in drawn])
    expected = stats.bootstrap(
        (sums, sizes.astype(float)),
        lambda s, m, axis: s.sum(axis=axis) / m.sum(axis=axis),
        paired=True,
        n_resamples=2_000,
        method="BCa",
        bootstrap_result=None,
        rng=np.random.default_rng(7),
        batch=1,
    )
    assert sorted(means) == pytest.approx(sorted(expected.bootstrap_distribution), rel=1e-12)
    low, high = expected.confidence_interval
    assert [found.low, found.high] == pytest.approx([low, high], rel=1e-9)


def test_clusters_of_equal_means_give_no_interval_though_their_values_differ():
    found = st.clustered_mean([0.0, 1.0] * 60, clusters=st.ClusterIndex.of(np.repeat(np.arange(60), 2).tolist()))
    assert (found.interval, found.reason) == (None, "all values are equal")


def test_a_cluster_without_a_denominator_counts_with_its_numerators():
    # Invalid actions of a run over those of its baseline: where the baseline has none, those of the run still count.
    baseline = [0.0, 0.0, *([1.0, 0.0, 2.0, 1.0] * 3)]
    run = [4.0, 2.0, *([1.0, 1.0, 2.0, 0.0] * 3)]
    found = st.clustered_ratio(run, baseline)
    r, g, total = sum(run) / sum(baseline), len(run), sum(baseline)
    variance = g / (g - 1) * sum((a - r * b) ** 2 for a, b in zip(run, baseline, strict=True)) / total**2
    expected = slow_studentised(np.array(run), np.array(baseline), 0, 10_000)
    assert found.value == pytest.approx(r)
    assert found.effective_clusters == pytest.approx(total**2 / sum(b**2 for b in baseline))
    assert ends(found) == pytest.approx(expected, rel=1e-9)
    assert found.interval.low < r < found.interval.high
    assert found.interval.high - found.interval.low > 2 * sqrt(variance)
    assert found.mean_of_clusters == pytest.approx(np.mean([a / b for a, b in zip(run, baseline, strict=True) if b]))


def test_a_ratio_whose_denominator_is_in_few_clusters_has_no_interval():
    found = st.clustered_ratio([1.0, 2.0, *[1.0] * 20], [1.0, 3.0, *[0.0] * 20])
    assert (found.interval, found.reason) == (None, "too few values differ")


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_proportion_of_steps_of_0_or_1_has_an_interval_and_a_mean_score_has_none(value):
    steps = np.arange(5.0, 17.0)
    found = st.clustered_ratio(value * steps, steps, proportion=True)
    effective = steps.sum() ** 2 / (steps**2).sum()
    low, high = slow_wilson(value, effective * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, effective - 1)) ** 2)
    assert ends(found) == pytest.approx([max(low, 0.0), min(high, 1.0)], abs=1e-12)
    assert st.clustered_ratio(value * steps, steps, bounded=True).interval is None


def test_a_proportion_of_steps_is_bounded_wherever_it_lies():
    steps, invalid = [20.0] * 12, [1.0, 0.0, 5.0] * 4
    as_proportion = st.clustered_ratio(invalid, steps, proportion=True)
    assert as_proportion.value == pytest.approx(0.1)
    assert ends(as_proportion) == ends(st.clustered_ratio(invalid, steps, bounded=True))
    assert as_proportion.interval.low < 0.1 < as_proportion.interval.high


def slow_max_t(differences, keys, seed, resamples, confidence=0.95):
    """Single-step max-T with signs flipped by cluster, written as loops over clusters."""
    names = list(dict.fromkeys(keys))
    n = len(keys)

    def fit(values):
        variance = slow_variance(values, keys)
        return np.mean(values), sqrt(variance)

    rng = np.random.default_rng(seed)
    highest = []
    for row in 2 * rng.integers(0, 2, (resamples, len(names))) - 1:
        sign = dict(zip(names, row, strict=True))
        flips = np.array([sign[key] for key in keys])
        fitted = [fit(values * flips) for values in differences]
        highest.append(max(abs(mean) / error for mean, error in fitted))
    highest = np.sort(highest)
    allowed = int((1 - confidence) * (resamples + 1) + 1e-9) - 1
    quantile = highest[::-1][allowed]
    found = []
    for values in differences:
        mean, error = fit(values)
        p = (1 + sum(h >= abs(mean) / error * (1 - 1e-9) for h in highest)) / (resamples + 1)
        found.append((p, mean - quantile * error, mean + quantile * error))
    assert n == len(differences[0])
    return found


def test_comparisons_are_single_step_max_t_over_clusters():
    _, keys = clustered(3)
    rng = np.random.default_rng(8)
    differences = [rng.normal(0.3 * j, 1.0, 30) for j in range(3)]
    found = st.compare_paired(differences, clusters=st.ClusterIndex.of(keys), seed=4, resamples=2_000)
    expected = slow_max_t(differences, keys, 4, 2_000)
    for one, (p, low, high) in zip(found, expected, strict=True):
        assert one.p_value == pytest.approx(p, abs=1e-12)
        assert ends(one) == pytest.approx([low, high] if p <= 0.05 else [min(low, 0.0), max(high, 0.0)], abs=1e-9)
        assert one.comparisons == 3


@pytest.mark.parametrize("seed", range(40))
def test_p_value_and_interval_never_contradict_each_other(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 40))
    differences = [rng.integers(-1, 2, n) + rng.random() for _ in range(int(rng.integers(1, 5)))]
    for found in st.compare_paired(differences, seed=seed, resamples=2_000):
        if found.interval is not None:
            assert (found.p_value <= 0.05) == (not found.interval.low <= 0.0 <= found.interval.high)


def test_one_comparison_of_many_tasks_agrees_with_students_t():
    rng = np.random.default_rng(3)
    differences = rng.normal(0.03, 0.2, 300)
    (found,) = st.compare_paired([differences], seed=1)
    expected = stats.ttest_1samp(differences, 0.0)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.01)
    low, high = expected.confidence_interval(0.95)
    assert ends(found) == pytest.approx([low, high], abs=0.002)


def test_more_comparisons_never_lower_a_p_value():
    rng = np.random.default_rng(0)
    rows = [rng.normal(0.2, 1.0, 50) for _ in range(6)]
    (alone,) = st.compare_paired(rows[:1], seed=2)
    assert st.compare_paired(rows, seed=2)[0].p_value >= alone.p_value


def test_swapping_the_runs_flips_the_difference_and_keeps_the_p_value():
    rows = np.random.default_rng(0).normal(0.2, 1.0, (3, 40))
    for a, b in zip(st.compare_paired(rows, seed=1), st.compare_paired(-rows, seed=1), strict=True):
        assert (a.difference, a.p_value) == (-b.difference, b.p_value)
        assert ends(a) == pytest.approx([-b.interval.high, -b.interval.low])


def test_an_agent_does_not_differ_from_itself():
    (found,) = st.compare_paired([[0.0] * 30])
    assert (found.difference, found.p_value, found.interval, found.reason) == (0.0, 1.0, None, "all values are equal")


def test_a_difference_on_every_task_is_shown_without_an_interval_of_zero_width():
    (found,) = st.compare_paired([[1.0] * 30])
    assert found.p_value == pytest.approx(1 / 10_001)
    assert (found.interval, found.reason) == (None, "all values are equal")


def test_one_cluster_shows_nothing():
    (found,) = st.compare_paired([[1.0, 2.0]], clusters=st.ClusterIndex.of([0, 0]))
    assert (found.p_value, found.standard_error, found.interval) == (1.0, None, None)


def test_the_detectable_difference_is_found_in_four_of_five_experiments():
    rng = np.random.default_rng(0)
    n, sd = 80, 1.0
    effect = st.detectable_difference(sd / sqrt(n))
    found = [abs(stats.ttest_1samp(rng.normal(effect, sd, n), 0.0).statistic) > 1.99 for _ in range(2_000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
    assert st.units_needed(sd / sqrt(n), n, effect) == n
    assert st.units_needed(sd / sqrt(n), n, effect / 2) == 4 * n


@pytest.mark.parametrize(("n", "lines"), [(5, [0.1, 0.4, 0.2, 0.9, 0.3])])
def test_the_t_interval_is_scipys(n, lines):
    found = st.t_interval(lines)
    low, high = stats.t.interval(0.95, n - 1, loc=np.mean(lines), scale=stats.sem(lines))
    assert [found.low, found.high] == pytest.approx([low, high])
    assert st.t_interval([0.3]) is None
    assert st.t_interval([0.3, 0.3]) is None


def test_the_templates_of_webarena_widen_its_interval(webarena_tasks):
    """563 of 812 as the figure of metrics over 190 templates: about [64, 74] instead of [66, 72]."""
    keys = [task["intent_template_id"] for task in webarena_tasks]
    rng = np.random.default_rng(0)
    chance = {key: rng.beta(0.9, 0.4) for key in sorted(set(keys))}  # tasks of a template succeed together
    values = np.array([float(rng.random() < chance[key]) for key in keys])
    template = st.clustered_proportion(values, clusters=st.ClusterIndex.of(keys, "template"))
    task = st.clustered_proportion(values)
    assert (template.clusters, template.n) == (190, 812)
    assert template.design_effect > 2
    assert np.diff(ends(template))[0] > 1.4 * np.diff(ends(task))[0]


@pytest.fixture(scope="module")
def webarena_tasks(request):
    path = request.config.rootpath.parent / "shared/data/webarena/test.raw.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("call", "error", "names"),
    [
        (lambda: st.clustered_proportion([0.2, 1.2]), OptionError, r"values\[1\]"),
        (lambda: st.clustered_proportion([0.2, 0.3], episodes=1), OptionError, "episodes"),
        (lambda: st.clustered_mean([0.2], clusters=st.ClusterIndex.single(2)), ShapeError, "clusters"),
        (lambda: st.clustered_ratio([1.0], [1.0, 2.0]), ShapeError, "numerators, denominators"),
        (lambda: st.clustered_ratio([1.0], [-1.0]), OptionError, "denominators"),
        (lambda: st.clustered_ratio([0.0], [0.0]), OptionError, "denominators"),
        (lambda: st.compare_paired([[1.0], [1.0, 2.0]]), ShapeError, r"differences\[1\]"),
        (lambda: st.detectable_difference(-1.0), OptionError, "standard_error"),
        (lambda: st.units_needed(1.0, 0, 0.1), OptionError, "n:"),
        (lambda: st.units_needed(1.0, 5, 0.0), OptionError, "difference"),
    ],
)
def test_bad_input_is_named(call, error, names):
    with pytest.raises(error, match=names):
        call()


VALUES = [0.1, 0.4, 0.35, 0.8, 0.05, 0.6, 0.7, 0.2]


@pytest.mark.parametrize("exponent", [-1000, -700, 600, 1020])
def test_a_power_of_two_scales_every_figure_and_changes_no_decision(exponent):
    """Squares of large values are no floats any more, and those of small ones are 0."""
    scaled = np.ldexp(VALUES, exponent)
    before, after = (st.clustered_mean(values, resamples=2_000) for values in (np.array(VALUES), scaled))
    assert after.value == np.ldexp(before.value, exponent)
    assert after.interval.low == pytest.approx(np.ldexp(before.interval.low, exponent), rel=1e-9)
    assert after.interval.high == pytest.approx(np.ldexp(before.interval.high, exponent), rel=1e-9)
    assert (after.design_effect, after.reason) == (pytest.approx(before.design_effect), None)
    both = [np.array(VALUES) - 0.3, np.array(VALUES) - 0.1]
    first = st.compare_paired(both, resamples=2_000)
    second = st.compare_paired([np.ldexp(row, exponent) for row in both], resamples=2_000)
    for one, other in zip(first, second, strict=True):
        assert other.p_value == one.p_value
        assert other.difference == pytest.approx(np.ldexp(one.difference, exponent), rel=1e-9)
        assert other.standard_error == pytest.approx(np.ldexp(one.standard_error, exponent), rel=1e-9)


def test_sums_that_no_float_can_hold_are_no_error():
    found = st.clustered_mean([1.7e308, -1.7e308, 1.6e308, 1.7e308, 1.5e308, 1.7e308], resamples=2_000)
    assert found.value == pytest.approx(1.0833e308, rel=1e-3)
    assert found.interval.high == np.inf, "the studentised bound is beyond the floats"
    [pair] = st.compare_paired([[1.7e308, -1.7e308, 1.6e308, 1.7e308, 1.5e308, 1.7e308]], resamples=2_000)
    assert 0 < pair.p_value <= 1
