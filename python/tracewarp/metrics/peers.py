"""The DTW implementations that are installed, on the same sequences: their time, and whether their result is ours.

Every implementation gets the same raw rows and pays for what it needs (unit rows, another dtype, a cost matrix). Where
its default measures something else, the relation is found from the figures, not taken from its documentation.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import OptionError, ShapeError
from tracewarp.metrics._arrays import as_integer, as_number, default_threads, same_dim
from tracewarp.metrics._peer_calls import NUMPY, PEERS, Distance, Peer
from tracewarp.metrics._peer_relations import Expected, Relation
from tracewarp.metrics._ragged import Ragged, Sequences, as_ragged, promote_sets
from tracewarp.metrics.alignment import dtw_pairs


@dataclass(frozen=True)
class PeerTiming:
    """How one implementation did."""

    name: str
    call: str
    version: str
    seconds_per_pair: float
    """Of the best round; NaN where it failed."""
    slowest: float
    """Seconds a pair of the worst round."""
    ratio: float
    """Times as long as tracewarp with one thread, best round against best round."""
    pairs: int
    """So many pairs were timed: slow implementations get fewer."""
    relation: Relation
    why: str
    """Where the result is not ours as it stands: what it is, or what went wrong."""
    largest_difference: float | None
    """From tracewarp's distances, after conversion where there is one; None where the result is another."""


@dataclass(frozen=True)
class PeerComparison:
    """Everything that a table or a plot of the comparison needs."""

    shape: str
    """The pairs in words: how many, how long, of which dimension and dtype."""
    timings: tuple[PeerTiming, ...]
    """tracewarp first, then in the order of measuring."""
    missing: tuple[str, ...]
    """Packages that are not installed, by the name that pip knows."""
    threads: int
    """Of tracewarp's second row."""
    repeats: int
    seconds: float
    """Time that each implementation was given for all rounds."""
    blas: str
    """Threads of the linear algebra below numpy while measuring."""
    instruction_set: str
    """Of tracewarp's kernels."""

    @property
    def agrees(self) -> bool:
        """Whether the plain numpy reference gave tracewarp's distances."""
        return all(one.relation == "same" for one in self.timings if one.name == NUMPY.package)

    @property
    def notes(self) -> tuple[str, ...]:
        """Who gives something else, and what it is; then what is missing, with the line that installs it."""
        told = [f"{one.name} `{one.call}`: {one.why}" for one in self.timings if one.why]
        return (*told, *(f"{name} is not installed: pip install {name}" for name in self.missing))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; no number where an implementation failed."""
        timings = [
            {
                key: None if isinstance(value, float) and math.isnan(value) else value
                for key, value in asdict(one).items()
            }
            for one in self.timings
        ]
        return asdict(self) | {"timings": timings, "agrees": self.agrees, "notes": list(self.notes)}


def compare_peers(
    xs: Sequences,
    ys: Sequences,
    *,
    threads: int | None = None,
    repeats: int = 5,
    seconds: float = 2.0,
    progress: Callable[[str], None] | None = None,
) -> PeerComparison:
    """Time every installed DTW implementation on the pairs (i-th of xs, i-th of ys), cosine distance.

    Each round runs every implementation once, so that whatever else the machine does hits all alike.

    Args:
        xs: `p` sequences, a `Ragged` or a list of `(steps, dim)` arrays. float16, which few packages read, is widened
            to float32 before anything is timed.
        ys: `p` sequences.
        threads: Of tracewarp's second row; default: the CPUs that this process may use.
        repeats: Rounds; one more warms up.
        seconds: About so long for each implementation; a slow one is timed on the first few pairs alone.
        progress: Called with what is done next.

    Raises:
        ShapeError: Sets of different sizes.
        OptionError: `threads`, `repeats` or `seconds` out of range.
        EmptyInputError, DtypeError, NonFiniteError, ZeroVectorError: By argument name, as `dtw_pairs`.
    """
    first, second = promote_sets(*(single_precision(as_ragged(name, one)) for name, one in (("xs", xs), ("ys", ys))))
    same_dim("xs", first.rows, "ys", second.rows)
    if len(first) != len(second):
        raise ShapeError(f"ys: expected as many sequences as in xs, {len(first)}, got {len(second)}")
    threads, repeats = default_threads(threads), as_integer("repeats", repeats, least=1)
    if not 0.0 < (seconds := as_number("seconds", seconds)) < math.inf:
        raise OptionError(f"seconds: expected a finite number above 0, got {seconds}")
    tell = progress or (lambda _: None)
    # Before anything else runs: sets that cannot be aligned are refused here.
    expected = Expected(first, second)
    limit, blas = single_blas()
    with limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages deprecate is not the caller's concern
        runners = [ours(first, second, count) for count in dict.fromkeys((1, threads))]
        for peer in (NUMPY, *PEERS):
            if importlib.util.find_spec(peer.module) is not None:
                tell(f"warming up {peer.package} {peer.call}")
                runners.append(theirs(peer, first, second, seconds / (repeats + 1)))
        for turn in range(repeats):
            tell(f"round {turn + 1} of {repeats}")
            for runner in runners:
                runner.run()
    return PeerComparison(
        shape=shape_in_words(first, second),
        timings=tuple(runner.timing(runners[0], expected) for runner in runners),
        missing=tuple(dict.fromkeys(peer.package for peer in PEERS if importlib.util.find_spec(peer.module) is None)),
        threads=threads,
        repeats=repeats,
        seconds=seconds,
        blas=blas,
        instruction_set=_core.instruction_set(),
    )


def single_precision(ragged: Ragged) -> Ragged:
    """The same set, in float32 where it was float16."""
    return ragged if ragged.rows.dtype != np.float16 else Ragged(ragged.rows.astype(np.float32), ragged.offsets)


def random_walks(count: int, steps: int | tuple[int, int], dim: int, *, seed: int) -> Ragged:
    """Sequences like embedded trajectories: a start, a slow drift, and noise on top; float32.

    Args:
        count: How many.
        steps: Of each; or the least and the most, drawn evenly.
        dim: Numbers a row.
        seed: Of the generator; equal seeds give equal rows.

    Raises:
        OptionError: A number below 1, or a range that descends.
    """
    as_integer("count", count, least=1)
    as_integer("dim", dim, least=1)
    low, high = (steps, steps) if isinstance(steps, int) else steps
    if as_integer("steps", low, least=1) > as_integer("steps", high, least=1):
        raise OptionError(f"steps: expected the least and the most, got {low} and {high}")
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(low, high + 1, count))])
    rows = np.empty((int(offsets[-1]), dim), dtype=np.float32)
    for begin, end in itertools.pairwise(offsets.tolist()):
        drift = rng.standard_normal((end - begin, dim), dtype=np.float32)
        noise = rng.standard_normal((end - begin, dim), dtype=np.float32)
        start = rng.standard_normal(dim, dtype=np.float32)
        rows[begin:end] = start + np.float32(0.25) * np.cumsum(drift, axis=0) + np.float32(0.7) * noise
    return Ragged(rows, offsets)


@dataclass
class Runner:
    """One implementation with its pairs, and what its rounds took."""

    name: str
    call: str
    version: str
    measure: Callable[[], NDArray[Any]]
    """All of its pairs -> distances."""
    pairs: int
    caveat: str = ""
    distances: NDArray[Any] | None = None
    seconds: list[float] = field(default_factory=list)
    failure: str = ""

    def run(self) -> None:
        """One round."""
        if self.failure:
            return
        start = time.perf_counter()
        try:
            self.distances = self.measure()
        except Exception as error:  # another package may fail in any way; that is a result too
            self.failure = f"it failed: {type(error).__name__}: {error}"
            return
        self.seconds.append((time.perf_counter() - start) / self.pairs)

    def timing(self, single: Runner, expected: Expected) -> PeerTiming:
        """The figures, with tracewarp on one thread as the measure of time."""
        known = (self.name, self.call, self.version)
        if self.failure or self.distances is None:
            return PeerTiming(*known, math.nan, math.nan, math.nan, self.pairs, "failed", self.failure, None)
        verdict = expected.judge(np.asarray(self.distances, dtype=np.float64), self.caveat)
        return PeerTiming(
            *known,
            min(self.seconds),
            max(self.seconds),
            min(self.seconds) / min(single.seconds),
            self.pairs,
            verdict.relation,
            verdict.why,
            verdict.largest_difference,
        )


def ours(xs: Ragged, ys: Ragged, threads: int) -> Runner:
    """All pairs in one call of `dtw_pairs`."""
    call = f"dtw_pairs(xs, ys, threads={threads})"
    runner = Runner("tracewarp", call, _core.__version__, lambda: dtw_pairs(xs, ys, threads=threads).distances, len(xs))
    runner.measure()
    return runner


def theirs(peer: Peer, xs: Ragged, ys: Ragged, seconds: float) -> Runner:
    """A package, warmed up, with as many of the first pairs as it does in about `seconds`."""
    runner = Runner(peer.package, peer.call, version_of(peer.package), lambda: np.empty(0), 0, peer.caveat)
    try:
        distance = peer.load()
        distance(xs[0], ys[0])
        start = time.perf_counter()
        distance(xs[0], ys[0])
        one = time.perf_counter() - start
    except Exception as error:  # see Runner.run
        runner.failure = f"it failed: {type(error).__name__}: {error}"
        return runner
    runner.pairs = min(len(xs), max(1, int(seconds / max(one, 1e-9))))
    runner.measure = every_pair(distance, [(xs[p], ys[p]) for p in range(runner.pairs)])
    return runner


def every_pair(distance: Distance, pairs: Sequence[tuple[Any, Any]]) -> Callable[[], NDArray[Any]]:
    """The loop that a user writes."""
    return lambda: np.array([distance(x, y) for x, y in pairs])


def version_of(package: str) -> str:
    """What is installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def single_blas() -> tuple[AbstractContextManager[Any], str]:
    """Hold the linear algebra below numpy at one thread where threadpoolctl is installed; and say what holds."""
    preset = os.environ.get("OPENBLAS_CORETYPE")
    told = f"; OPENBLAS_CORETYPE={preset} is set: an older one than the machine's slows it down" if preset else ""
    if importlib.util.find_spec("threadpoolctl") is None:
        return nullcontext(), f"as many threads as numpy takes (threadpoolctl would hold it at 1){told}"
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()
    kinds = sorted(
        {f"{pool['internal_api']} {pool['architecture']}" for pool in pools.info() if "architecture" in pool}
    )
    return pools.limit(limits=1), f"1 thread ({', '.join(kinds) or 'unknown library'}){told}"


def shape_in_words(xs: Ragged, ys: Ragged) -> str:
    """`200 pairs of 30 x 30 steps, d = 768, float32`."""

    def span(ragged: Ragged) -> str:
        lengths = np.diff(ragged.offsets)
        low, high = int(lengths.min()), int(lengths.max())
        return f"{low:,}" if low == high else f"{low:,}-{high:,}"

    pairs = "1 pair" if len(xs) == 1 else f"{len(xs):,} pairs"
    return f"{pairs} of {span(xs)} x {span(ys)} steps, d = {xs.dim}, {xs.rows.dtype}"
