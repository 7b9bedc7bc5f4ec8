"""Scores of the material under every setting, and of the cheap neighbours: batch first, finished cells on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracewarp.embed import StepEmbedder, get_encoder
from tracewarp.evaluate.actions import action_identity
from tracewarp.evaluate.neighbours import action_similarity
from tracewarp.metrics import Ragged, vertex_dtw_pairs
from tracewarp.metrics.vertex import ReferenceAggregate
from tracewarp.studies.validity.material import REFERENCES, Material, References
from tracewarp.studies.validity.settings import Setting

Floats = NDArray[np.float64]
PAIRS_A_CALL = 50_000
"""Pairs scored at once: bounds the memory of their warping paths. Scores do not depend on it."""
NEIGHBOURS = ("last_step", "actions")
"""Cosine of the last executed steps, and similarity of the two sequences of actions."""


class Scorer:
    """Scores one material, one cell after another.

    A cell is what one setting gives for every pair; aggregates over references share it.

    Args:
        material: what is scored.
        folder: where finished cells are kept; None: only in memory.
        threads: None: the CPUs that this process may use.
        told: called after each cell with its label.
    """

    def __init__(
        self,
        material: Material,
        *,
        folder: Path | None = None,
        threads: int | None = None,
        told: Callable[[str], None] = lambda _label: None,
    ) -> None:
        self.material = material
        self.folder = folder
        self.threads = threads
        self.told = told
        self._rows: tuple[tuple[str, str], NDArray[np.float16]] | None = None
        self._cells: dict[str, dict[References, Floats]] = {}
        lengths = np.array([len(item.rows) for item in material.items], dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self._flat = np.array([row for item in material.items for row in item.rows], dtype=np.int64)

    def scores(self, setting: Setting, references: References) -> Floats:
        """Score of every item, `(items,)`; NaN where it has no reference, 0 where it has no steps."""
        return self._aggregated(self.cell(setting)[references], references, setting.aggregate)

    def neighbour(self, name: str, references: References, aggregate: ReferenceAggregate = "max") -> Floats:
        """The same by one of `NEIGHBOURS`; its rows are those of the default template and encoder."""
        compute = {"last_step": self._last_steps, "actions": self._actions}[name]
        return self._aggregated(self._stored(name, {"neighbour": name}, compute)[references], references, aggregate)

    def cell(self, setting: Setting) -> Mapping[References, Floats]:
        """Scores of all pairs under a setting, in the order of `Material.pairs`."""
        chosen = setting.pairwise
        return self._stored(chosen.label, asdict(chosen), lambda which: self._vertex(chosen, which))

    def rows(self, template: str, encoder: str) -> NDArray[np.float16]:
        """The embedded table of steps; the last one asked for is kept."""
        if self._rows is None or self._rows[0] != (template, encoder):
            embedder = StepEmbedder(get_encoder(encoder), template=template)
            self._rows = (template, encoder), embedder.embed(self.material.steps, total=len(self.material.steps))
        return self._rows[1]

    def _stored(
        self, label: str, key: Mapping[str, object], compute: Callable[[References], Floats]
    ) -> dict[References, Floats]:
        named = json.dumps([self.material.digest, dict(key)], sort_keys=True)
        name = hashlib.sha256(named.encode()).hexdigest()[:24]
        if name not in self._cells:
            path = None if self.folder is None else self.folder / f"{name}.npz"
            if path is not None and path.exists():
                with np.load(path) as found:
                    self._cells[name] = {which: found[which] for which in REFERENCES}
            else:
                self._cells[name] = {which: compute(which) for which in REFERENCES}
                if path is not None:
                    self._write(path, self._cells[name])
            self.told(label)
        return self._cells[name]

    @staticmethod
    def _write(path: Path, cell: Mapping[References, Floats]) -> None:
        """Whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            np.savez(file, same=cell["same"], other=cell["other"])
        beside.replace(path)

    def _kept(self, rows: NDArray[np.int64], *, accepted: bool) -> NDArray[np.int64]:
        """Some steps, or the accepted ones among them (`Trajectory.accepted_steps`)."""
        kept = rows[self.material.accepted[rows]] if accepted else rows
        return kept if len(kept) else rows[-1:]

    def _vertex(self, setting: Setting, which: References) -> Floats:
        rows = self.rows(setting.template, setting.encoder)
        pairs = self.material.pairs(which)
        found = np.zeros(len(pairs))
        with_steps = np.flatnonzero(np.diff(self._starts)[pairs[:, 1]] > 0) if len(pairs) else np.empty(0, np.int64)
        options = asdict(setting.vertex)
        accepted = setting.steps == "accepted"
        for start in range(0, len(with_steps), PAIRS_A_CALL):
            part = with_steps[start : start + PAIRS_A_CALL]
            used, reference = np.unique(pairs[part, 0], return_inverse=True)
            met, test = np.unique(pairs[part, 1], return_inverse=True)
            chosen = [self.material.references[r] for r in used]
            found[part] = vertex_dtw_pairs(
                _ragged(rows, [self._kept(np.array(reference.rows), accepted=accepted) for reference in chosen]),
                _ragged(
                    rows,
                    [self._kept(self._flat[self._starts[i] : self._starts[i + 1]], accepted=accepted) for i in met],
                ),
                np.stack([reference, test], axis=1),
                trivials=_ragged(rows, [np.array([reference.trivial_row]) for reference in chosen]),
                threads=self.threads,
                **options,
            ).scores
        return found

    def _last_steps(self, which: References) -> Floats:
        rows = self.rows("action_first", "hashed")
        pairs = self.material.pairs(which)
        ends = np.array([item.rows[-1] if item.rows else -1 for item in self.material.items], dtype=np.int64)
        references = np.array([reference.rows[-1] for reference in self.material.references], dtype=np.int64)
        found = np.zeros(len(pairs))
        for start in range(0, len(pairs), PAIRS_A_CALL):
            part = pairs[start : start + PAIRS_A_CALL]
            u, v = (rows[ends_of].astype(np.float64) for ends_of in (references[part[:, 0]], ends[part[:, 1]]))
            norms = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
            found[start : start + len(part)] = np.where(ends[part[:, 1]] < 0, 0.0, (u * v).sum(axis=1) / norms)
        return found

    def _actions(self, which: References) -> Floats:
        numbers: dict[object, int] = {}
        of_row = [numbers.setdefault(action_identity(step), len(numbers)) for _, step in self.material.steps]
        tests = [tuple(of_row[row] for row in item.rows) for item in self.material.items]
        references = [tuple(of_row[row] for row in reference.rows) for reference in self.material.references]
        return np.array([action_similarity(references[r], tests[i]) for r, i in self.material.pairs(which)])

    def _aggregated(self, scores: Floats, which: References, aggregate: ReferenceAggregate) -> Floats:
        """Of each item over its references; NaN without one."""
        items = self.material.pairs(which)[:, 1]
        n = len(self.material.items)
        counts = np.bincount(items, minlength=n)
        table = np.full((n, max(1, int(counts.max(initial=0)))), np.nan)
        nth = np.arange(len(items)) - np.repeat(np.cumsum(counts) - counts, counts)  # pairs are grouped by item
        table[items, nth] = scores
        result = np.full(n, np.nan)
        some = counts > 0
        if not some.any():
            return result
        if aggregate == "max":
            result[some] = np.nanmax(table[some], axis=1)
        elif aggregate == "mean":
            result[some] = np.nanmean(table[some], axis=1)
        else:
            result[some] = np.nanmedian(table[some], axis=1)
        return result


def _ragged(rows: NDArray[np.float16], sequences: list[NDArray[np.int64]]) -> Ragged:
    """Float64: `normalized` divides by the headroom 1 - z, which would magnify the rounding of float32 costs."""
    offsets = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences])]).astype(np.int64)
    return Ragged(rows[np.concatenate(sequences)].astype(np.float64), offsets)


def cells(settings: Iterator[Setting]) -> int:
    """How many cells some settings need."""
    return len({setting.pairwise for setting in settings})
