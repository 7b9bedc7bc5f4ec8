"""Contestants timed in turns, so that whatever else the machine does hits all of them alike."""

import gc
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Seconds of each round, in order."""

    seconds: tuple[float, ...]

    @property
    def best(self):
        return min(self.seconds)

    @property
    def median(self):
        return statistics.median(self.seconds)

    def to_dict(self):
        return {"best_ms": 1e3 * self.best, "median_ms": 1e3 * self.median, "rounds": len(self.seconds)}


def race(contestants, *, seconds, least=3, most=400, pause=0.0):
    """Run every contestant once a round, the order reversed in every other one, for about `seconds`.

    Two rounds before that warm up (and compile). `pause`: seconds of rest, not timed, before each run: the threads of
    BLAS and numba go on waiting, busily, for a while after their last call, on the processors that the next one wants.
    Returns their `Times` in the order given.
    """
    for _ in range(2):
        for run in contestants:
            run()
    times = [[] for _ in contestants]
    order = list(range(len(contestants)))
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + seconds
        while len(times[0]) < least or (time.perf_counter() < end and len(times[0]) < most):
            for k in order:
                time.sleep(pause)
                start = time.perf_counter()
                contestants[k]()
                times[k].append(time.perf_counter() - start)
            order.reverse()
    finally:
        gc.enable()
    return [Times(tuple(each)) for each in times]


def ratios(slow, fast):
    """How many times faster: best against best, and the median of the rounds' own ratios."""
    return {
        "best": slow.best / fast.best,
        "median": statistics.median(a / b for a, b in zip(slow.seconds, fast.seconds, strict=True)),
    }
