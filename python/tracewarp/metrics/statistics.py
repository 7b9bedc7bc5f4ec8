"""Intervals and paired tests: how far a score may be off, and whether two agents differ.

The reference page is docs/definitions/statistics.md. All randomness comes from the `seed` argument. The arithmetic is
SciPy's where SciPy has it, or gives SciPy's numbers. Resampling is done here in small pieces: SciPy's time grows with
the square of the number of values, and Ctrl-C is not heard meanwhile. SciPy is imported inside the functions, because
`scipy.stats` takes half a second to load.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracewarp.errors import DtypeError, EmptyInputError, NonFiniteError, OptionError, ShapeError
from tracewarp.metrics._arrays import plain_array, require_memory

DEFAULT_CONFIDENCE = 0.95
DEFAULT_RESAMPLES = 10_000
MIN_RESAMPLES = 2_000
"""Fewer resamples leave the tail quantiles of a 95 % interval to a handful of draws."""

_DRAWS = 2**20
"""Random numbers drawn at once, in about 10 ms: Ctrl-C is heard in between. They do not depend on it."""

_EXACT = 2**20
"""More resamples than this never count all sign patterns: SciPy holds one Python object for each."""


@dataclass(frozen=True)
class Interval:
    """An interval estimate."""

    low: float
    high: float
    method: str
    """`wilson`, `bca`, or `percentile` where BCa is undefined because all resamples are alike."""
    confidence: float


@dataclass(frozen=True)
class PairedDifference:
    """Mean of the differences x_i - y_i with its interval."""

    difference: float
    interval: Interval
    n: int


@dataclass(frozen=True)
class PairedTest:
    """A two-sided test."""

    p_value: float
    test: str
    """`mcnemar exact`, `sign flips, exact` or `sign flips, Monte Carlo`."""
    n: int
    """Pairs that entered the test."""


def wilson_interval(successes: int, n: int, *, confidence: float = DEFAULT_CONFIDENCE) -> Interval:
    """Wilson's score interval for a share of `successes` out of `n`.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with p = successes / n and z the normal quantile of
    (1 + confidence) / 2. Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212; without continuity correction.

    Args:
        successes: 0 <= successes <= n.
        n: number of trials, n >= 1.
        confidence: coverage in (0, 1).

    Raises:
        EmptyInputError: n is 0.
        OptionError: successes outside 0..n, or confidence outside (0, 1).
    """
    if n == 0:
        raise EmptyInputError("n: expected at least 1 trial, got 0")
    if not 0 <= successes <= n:
        raise OptionError(f"successes: expected a number in 0..{n}, got {successes}")
    _check_confidence(confidence)
    from scipy import stats

    found = stats.binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    return Interval(float(found.low), float(found.high), "wilson", confidence)


def bca_interval(
    values: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval for the mean of `values`.

    Resample b is `values[default_rng(seed).integers(0, n, (resamples, n))[b]]`. Source: Efron 1987, J. Am. Stat.
    Assoc. 82, 171-185; Efron and Tibshirani 1993, eq. 14.9-14.15, with the jackknife means in closed form. The numbers
    are those of `scipy.stats.bootstrap`, method BCa. Values are first rounded to a grid on which every sum is exact (an
    error below n 2^-52 of the largest value), so that resamples whose mean equals the observed one are recognised
    whatever the order of summation.

    Args:
        values: (n,) finite numbers, n >= 1; one for each unit that is resampled (a task, a capability).
        seed: of the generator.
        resamples: at least 2,000.
        confidence: coverage in (0, 1).

    Returns:
        The interval; [v, v] with method `percentile` for one value or values that are all alike.

    Raises:
        EmptyInputError: no values.
        ShapeError: not one-dimensional.
        NonFiniteError: NaN or infinity.
        OptionError: an option outside its range.
    """
    data = _finite_vector(values, "values")
    check_resampling(seed=seed, resamples=resamples, confidence=confidence)
    exact, exponent = _as_exact_integers(data)
    if np.all(exact == exact[0]):
        return Interval(float(data[0]), float(data[0]), "percentile", confidence)
    require_memory("the means of the resamples", 8 * resamples)
    means = _means(resamples, len(exact), _resampled_sums(exact, resamples, np.random.default_rng(seed)))
    levels = _bca_levels(exact, means, confidence)
    if not np.isfinite(levels).all():  # every resample lies on one side of the mean
        levels, method = ((1 - confidence) / 2, (1 + confidence) / 2), "percentile"
    else:
        method = "bca"
    low, high = (math.ldexp(float(bound), exponent) for bound in np.quantile(means, levels))
    return Interval(low, high, method, confidence)


def _means(resamples: int, n: int, sums: Iterator[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The means of all resamples, from the sums of a few at a time."""
    means = np.empty(resamples)
    start = 0
    for some in sums:
        means[start : start + len(some)] = some / n
        start += len(some)
    return means


def _resampled_sums(
    values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Sums of values drawn with replacement, resample after resample; whole numbers, so that the order is free."""
    n = len(values)

    def drawn(rows: int, columns: slice) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = values[rng.integers(0, n, (rows, columns.stop - columns.start))].sum(axis=1)
        return sums

    return _in_pieces(drawn, resamples, n)


def _flipped_sums(
    values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Sums of values with random signs, as `scipy.stats.permutation_test` draws them: pairs (0, 1) are shuffled."""

    def flipped(rows: int, columns: slice) -> NDArray[np.float64]:
        width = columns.stop - columns.start
        first = rng.permuted(np.tile(np.arange(2), (rows, width, 1)), axis=-1)[..., 0]
        sums: NDArray[np.float64] = np.where(first == 0, values[columns], -values[columns]).sum(axis=1)
        return sums

    return _in_pieces(flipped, resamples, len(values))


def _in_pieces(
    sums: Callable[[int, slice], NDArray[np.float64]], resamples: int, n: int
) -> Iterator[NDArray[np.float64]]:
    """Call `sums` for a few resamples at a time, or for a part of one where they are long."""
    at_once = max(1, _DRAWS // n)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        total = np.zeros(rows)
        for column in range(0, n, _DRAWS):
            total += sums(rows, slice(column, min(n, column + _DRAWS)))
        yield total


def _bca_levels(values: NDArray[np.float64], means: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """The quantiles of the resamples that are the bounds (Efron and Tibshirani 1993, equations 14.9 to 14.15)."""
    from scipy.special import ndtr, ndtri

    n, total = len(values), values.sum()
    observed = total / n
    below = np.count_nonzero(means < observed) + np.count_nonzero(means <= observed)
    bias = ndtri(below / (2 * len(means)))
    # Leaving out value i leaves the mean (total - value) / (n - 1); all sums are exact.
    parts = range(0, n, _DRAWS)
    centre = sum(((total - values[k : k + _DRAWS]) / (n - 1)).sum() for k in parts) / n
    cubes = squares = 0.0
    for k in parts:
        influence = (n - 1) * (centre - (total - values[k : k + _DRAWS]) / (n - 1))
        squares += (influence**2).sum()
        cubes += (influence**2 * influence).sum()
    acceleration = cubes / n**3 / (6 * (squares / n**2) ** 1.5)
    bounds = []
    for z in (ndtri((1 - confidence) / 2), ndtri((1 + confidence) / 2)):
        with np.errstate(invalid="ignore"):
            bounds.append(float(ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))))
    return bounds[0], bounds[1]


def paired_difference(
    x: ArrayLike,
    y: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> PairedDifference:
    """Mean of x_i - y_i with the BCa interval over the pairs.

    Args:
        x: (n,) finite numbers.
        y: (n,) finite numbers, paired with `x`.
        seed: of the generator.
        resamples: at least 2,000.
        confidence: coverage in (0, 1).

    Raises:
        EmptyInputError: no pairs.
        ShapeError: `x` and `y` differ in length.
        NonFiniteError: NaN or infinity.
        OptionError: an option outside its range.
    """
    differences = _differences(x, y)
    interval = bca_interval(differences, seed=seed, resamples=resamples, confidence=confidence)
    return PairedDifference(float(differences.mean()), interval, len(differences))


def mcnemar_exact(only_x: int, only_y: int) -> PairedTest:
    """McNemar's exact test: of the pairs where just one succeeded, is each side as likely?

    p = min(1, 2 P(K <= min(only_x, only_y))), K binomial with only_x + only_y trials of probability 1/2; 1 without
    such pairs. Source: McNemar 1947, Psychometrika 12, 153-157, in its exact (binomial) form.

    Args:
        only_x: pairs where only the first succeeded, >= 0.
        only_y: pairs where only the second succeeded, >= 0.

    Raises:
        OptionError: a negative count.
    """
    if only_x < 0 or only_y < 0:
        raise OptionError(f"only_x, only_y: expected counts >= 0, got {only_x} and {only_y}")
    from scipy import stats

    n = only_x + only_y
    p_value = 1.0 if n == 0 else float(stats.binomtest(only_x, n, 0.5).pvalue)
    return PairedTest(p_value, "mcnemar exact", n)


def paired_permutation_test(
    x: ArrayLike, y: ArrayLike, *, seed: int = 0, resamples: int = DEFAULT_RESAMPLES
) -> PairedTest:
    """Two-sided permutation test of the mean paired difference, by flipping signs.

    Under the null hypothesis the sign of every x_i - y_i is arbitrary. All 2^n sign patterns are counted where they are
    at most `resamples` and 2^20; else `resamples` random ones, and the observed pattern counts as one more (Phipson and
    Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39). p is twice the smaller tail, at most 1
    (`scipy.stats.permutation_test`, type `samples`). Source: Fisher 1935, The Design of Experiments, section 21.

    Args:
        x: (n,) finite numbers.
        y: (n,) finite numbers, paired with `x`.
        seed: of the generator; without effect on the exact test.
        resamples: at least 2,000.

    Raises:
        EmptyInputError: no pairs.
        ShapeError: `x` and `y` differ in length.
        NonFiniteError: NaN or infinity.
        OptionError: an option outside its range.
    """
    differences, _ = _as_exact_integers(_differences(x, y))
    check_resampling(seed=seed, resamples=resamples)
    n = len(differences)
    exact = n < 60 and 2**n <= min(resamples, _EXACT)
    test = "sign flips, exact" if exact else "sign flips, Monte Carlo"
    if n == 1:  # SciPy wants two observations; with one, half of the patterns are as extreme as it on either side
        return PairedTest(1.0, test, n)
    if not exact:
        return PairedTest(_random_flips(differences, seed, resamples), test, n)
    from scipy import stats

    found = stats.permutation_test(
        (differences,), _mean, permutation_type="samples", vectorized=True, n_resamples=resamples, batch=500
    )
    return PairedTest(float(found.pvalue), test, n)


def _random_flips(differences: NDArray[np.float64], seed: int, resamples: int) -> float:
    """Two-sided p of the mean among those with random signs, with the observed signs as one more pattern."""
    observed = differences.sum() / len(differences)
    near = abs(100 * np.finfo(np.float64).eps * observed)  # as SciPy has it: equal but for rounding
    as_low = as_high = 1
    for sums in _flipped_sums(differences, resamples, np.random.default_rng(seed)):
        means = sums / len(differences)
        as_low += int(np.count_nonzero(means <= observed + near))
        as_high += int(np.count_nonzero(means >= observed - near))
    return min(1.0, 2 * min(as_low, as_high) / (resamples + 1))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjustment of several p-values, in the order given.

    For the ascending p_(1) <= ... <= p_(m): adjusted p_(i) = min(1, max over j <= i of (m - j + 1) p_(j)).
    Source: Holm 1979, Scand. J. Stat. 6, 65-70.

    Args:
        p_values: m >= 0 numbers in 0..1.

    Raises:
        OptionError: a p-value outside 0..1, or NaN.
    """
    p = np.asarray(p_values, dtype=np.float64)
    outside = np.flatnonzero(~((p >= 0.0) & (p <= 1.0)))
    if outside.size:
        raise OptionError(f"p_values[{outside[0]}]: expected a number in 0..1, got {p_values[outside[0]]}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, np.arange(len(p), 0, -1) * p[order]))
    return tuple(adjusted.tolist())


def check_resampling(*, seed: int, resamples: int = DEFAULT_RESAMPLES, confidence: float = DEFAULT_CONFIDENCE) -> None:
    """Raise OptionError unless the options of a resampling are in range."""
    if seed < 0:
        raise OptionError(f"seed: expected an integer >= 0, got {seed}")
    if resamples < MIN_RESAMPLES:
        raise OptionError(f"resamples: expected at least {MIN_RESAMPLES}, got {resamples}")
    _check_confidence(confidence)


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"confidence: expected a number strictly between 0 and 1, got {confidence}")


def _mean(x: NDArray[np.float64], axis: int = -1) -> Any:
    return x.mean(axis=axis)


def _finite_vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        data = np.asarray(_plain(values, name), dtype=np.float64)
    except (TypeError, ValueError):
        raise DtypeError(f"{name}: expected a sequence of numbers, got something else") from None
    if data.ndim != 1:
        raise ShapeError(f"{name}: expected shape (n,), got {data.shape}")
    if len(data) == 0:
        raise EmptyInputError(f"{name}: expected at least one value, got none")
    bad = np.flatnonzero(~np.isfinite(data))
    if len(bad):
        raise NonFiniteError(f"{name}: expected finite numbers, got {data[bad[0]]} at index {bad[0]}")
    return data


def _plain(values: object, name: str) -> object:
    """What other libraries hold as a numpy array; lists and numbers are left to numpy."""
    return plain_array(name, values) if hasattr(values, "shape") or hasattr(values, "to_numpy") else values


def _differences(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    first, second = _finite_vector(x, "x"), _finite_vector(y, "y")
    if len(first) != len(second):
        raise ShapeError(f"x, y: expected pairs, got {len(first)} and {len(second)} values")
    with np.errstate(over="ignore"):
        return _finite_vector(first - second, "x - y")


def _as_exact_integers(data: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Whole numbers k_i and an exponent e with k_i 2^e = data_i (rounded), any n of which sum without rounding."""
    largest = float(np.abs(data).max())
    # |sum| <= n * largest < 2^bits, and a float64 holds 53 bits.
    bits = math.frexp(largest)[1] + len(data).bit_length()
    return np.rint(np.ldexp(data, 53 - bits)), bits - 53
