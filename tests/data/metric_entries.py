"""Every argument of every metric that takes rows, for tests that ask each of them the same question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracewarp import metrics

GOOD = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 2.0], [1.0, 1.0, 0.25]], np.float32)
OTHER = np.array([[0.5, 0.5, 1.0], [2.0, -1.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
FLOATS = (np.float16, np.float32, np.float64)


@dataclass(frozen=True)
class Slot:
    """One argument of one entry that takes rows; the rest of the call is fine."""

    argument: str
    call: Any
    zero: bool = True
    """The entry has the option `zero`."""
    zero_is_legal: bool = False
    """The entry compares no directions, so a zero vector is a row like any other."""
    threads: bool = True
    dim: bool = True
    """Rows of another dimension than the other argument's are an error."""
    prefix: int = 0
    """Rows of the set before those of the slot's sequence."""


def filtered(rows, **options):
    threads = {"threads": options.pop("threads")} if "threads" in options else {}
    return metrics.DiversityFilter(3, **options).add(rows, **threads)


SLOTS = {
    "dtw-x": Slot("x", lambda a, **o: metrics.dtw(a, OTHER, **o), threads=False),
    "dtw-y": Slot("y", lambda a, **o: metrics.dtw(OTHER, a, **o), threads=False),
    "dtw_distance-x": Slot("x", lambda a, **o: metrics.dtw_distance(a, OTHER, **o), threads=False),
    "dtw_distance-y": Slot("y", lambda a, **o: metrics.dtw_distance(OTHER, a, **o), threads=False),
    "dtw_pairs-xs": Slot("xs", lambda a, **o: metrics.dtw_pairs([OTHER, a], [OTHER] * 2, paths=True, **o), prefix=3),
    "dtw_pairs-ys": Slot("ys", lambda a, **o: metrics.dtw_pairs([OTHER] * 2, [OTHER, a], paths=True, **o), prefix=3),
    "dtw_matrix-xs": Slot("xs", lambda a, **o: metrics.dtw_matrix([OTHER, a], [OTHER], **o), prefix=3),
    "dtw_matrix-ys": Slot("ys", lambda a, **o: metrics.dtw_matrix([OTHER], [OTHER, a], **o), prefix=3),
    "dtw_matrix-own": Slot("xs", lambda a, **o: metrics.dtw_matrix([OTHER, a], **o), prefix=3),
    "dtw_nearest-xs": Slot("xs", lambda a, **o: metrics.dtw_nearest([OTHER, a], [OTHER], **o), prefix=3),
    "dtw_nearest-ys": Slot("ys", lambda a, **o: metrics.dtw_nearest([OTHER], [OTHER, a], k=2, **o), prefix=3),
    "dtw_from_costs": Slot("costs", metrics.dtw_from_costs, threads=False, zero_is_legal=True, zero=False, dim=False),
    "vertex_dtw-reference": Slot(
        "reference", lambda a, **o: metrics.vertex_dtw(a, OTHER, trivial=OTHER[:1], **o), zero=False, threads=False
    ),
    "vertex_dtw-test": Slot(
        "test", lambda a, **o: metrics.vertex_dtw(OTHER, a, trivial=OTHER[:1], **o), zero=False, threads=False
    ),
    "vertex_dtw-trivial": Slot(
        "trivial", lambda a, **o: metrics.vertex_dtw(OTHER, OTHER, trivial=a, **o), zero=False, threads=False
    ),
    "vertex_dtw_pairs-references": Slot(
        "references",
        lambda a, **o: metrics.vertex_dtw_pairs([OTHER, a], [OTHER], [(0, 0), (1, 0)], trivials=[OTHER] * 2, **o),
        zero=False,
        prefix=3,
    ),
    "vertex_dtw_pairs-tests": Slot(
        "tests",
        lambda a, **o: metrics.vertex_dtw_pairs([OTHER], [OTHER, a], [(0, 0), (0, 1)], trivials=[OTHER], **o),
        zero=False,
        prefix=3,
    ),
    "vertex_dtw_pairs-trivials": Slot(
        "trivials",
        lambda a, **o: metrics.vertex_dtw_pairs([OTHER] * 2, [OTHER], [(0, 0), (1, 0)], trivials=[OTHER, a], **o),
        zero=False,
        prefix=3,
    ),
    "gaussian_similarity-u": Slot(
        "u",
        lambda a, **o: metrics.gaussian_similarity(a, OTHER, **o),
        zero=False,
        threads=False,
        zero_is_legal=True,
    ),
    "gaussian_similarity-v": Slot(
        "v",
        lambda a, **o: metrics.gaussian_similarity(OTHER, a, **o),
        zero=False,
        threads=False,
        zero_is_legal=True,
    ),
    "mmd2-x": Slot("x", lambda a, **o: metrics.mmd2(a, OTHER, **o), zero=False, threads=False, zero_is_legal=True),
    "mmd2-y": Slot("y", lambda a, **o: metrics.mmd2(OTHER, a, **o), zero=False, threads=False, zero_is_legal=True),
    "cosine_similarity-x": Slot("x", lambda a, **o: metrics.cosine_similarity(a, OTHER, **o)),
    "cosine_similarity-y": Slot("y", lambda a, **o: metrics.cosine_similarity(OTHER, a, **o)),
    "cosine_similarity-own": Slot("x", metrics.cosine_similarity, dim=False),
    "cosine_top_k-queries": Slot("queries", lambda a, **o: metrics.cosine_top_k(a, OTHER, 2, **o)),
    "cosine_top_k-rows": Slot("rows", lambda a, **o: metrics.cosine_top_k(OTHER, a, 1, **o)),
    "cosine_pairs-x": Slot("x", lambda a, **o: metrics.cosine_pairs(a, OTHER, threshold=0.1, **o)),
    "cosine_pairs-y": Slot("y", lambda a, **o: metrics.cosine_pairs(OTHER, a, threshold=0.1, **o)),
    "cosine_pairs-own": Slot("x", lambda a, **o: metrics.cosine_pairs(a, threshold=0.1, **o), dim=False),
    "cluster": Slot("rows", metrics.cluster, dim=False),
    "DiversityFilter.add": Slot("rows", filtered),
}


def slots(**wanted):
    """The slots whose fields are as wanted, as a parameter of a test."""
    chosen = [name for name, slot in SLOTS.items() if all(getattr(slot, key) == value for key, value in wanted.items())]
    return pytest.mark.parametrize("slot", [SLOTS[name] for name in chosen], ids=chosen)


def plain(result):
    """A result as comparable values."""
    if hasattr(result, "to_dict"):
        return repr(result.to_dict())
    return result.tolist() if isinstance(result, np.ndarray) else result


def names(slot: Slot) -> str:
    """The argument, or the sequence of the set, at the head of the message."""
    return rf"^{slot.argument}(\[1\])?: "


def row(slot: Slot, index: int) -> str:
    """The row in the message: of a set also within its sequence."""
    where = rf".*; it is row {index} of sequence 1$" if slot.prefix else ""
    return rf"^{slot.argument}: row {index + slot.prefix} .*{where}"
