"""Intervals cover and tests err as often as they say: the cells of docs/studies/coverage.json.

A slow test computes each cell again whose recorded value belongs to other sources of the statistics.
"""

from pathlib import Path

import pytest
from coverage_cells import RUNS, Cell, all_cells, fresh, record, recorded, simulate, table, wilson

PAGE = Path(__file__).parents[2] / "docs" / "definitions" / "statistics.md"

EXCEPTIONS = {
    "site/tasks-50/0.07/10 repeats of correlation 0.7": 0.901,
    "score/skewed-200-2.4/0.9": 0.924,
    "score/skewed-200-4/0.1": 0.922,
    "score/skewed-200-4/0.9": 0.903,
    "score/skewed-812-2.4/0.5": 0.925,
    "score/skewed-812-4/0.9": 0.898,
    "capability@1/skewed-200-4/0.7": 0.841,
}
"""Cells that cover too rarely, with their value: ten tasks, 19 clusters of which one holds a fifth of the tasks, and 19
capabilities almost all of which are acquired."""
CONSERVATIVE = {"site", "success", "capability@1"}
"""Figures whose page says that their interval may be conservative."""
AGAIN = {"family-wise/tasks-812/0.07": (208, 4_000)}
"""Cells beyond the limit in their 1,000 runs, drawn again with another seed (20261130): rejections and runs. One of 45
cells leaves its 95 % Monte Carlo interval upwards by chance."""

CELLS = {cell.name: cell for cell in all_cells()}


def fault(cell, value, low):
    """What is wrong with a cell; None: nothing."""
    if cell.is_error:
        if cell.name in AGAIN:
            low = wilson(*AGAIN[cell.name])[0]
        return None if low <= 0.05 else f"errs in {value:.3f} of the runs"
    if value < (0.91 if cell.p == 0.07 else 0.93):
        return f"covers {value:.3f}"
    return f"is conservative, {value:.3f}" if value > 0.98 and cell.figure not in CONSERVATIVE else None


@pytest.mark.parametrize("name", sorted(recorded()))
def test_a_recorded_cell_covers_as_often_as_it_says(name):
    found = recorded()[name]
    wrong = fault(CELLS[name], found["value"], found["interval"][0])
    if name in EXCEPTIONS:
        assert wrong is not None, "no longer an exception"
        assert found["value"] == pytest.approx(EXCEPTIONS[name], abs=0.0006)
    else:
        assert wrong is None


def test_every_exception_is_a_cell():
    assert set(EXCEPTIONS) <= set(recorded())
    assert set(AGAIN) <= set(recorded())


def test_the_page_shows_the_recorded_values():
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("success/webarena-4.5/0.3", 600),
        ("capability@1/tasks-200/0.3/3 repeats of correlation 0.3", 300),
        ("score/skewed-200-2.4/0.5", 400),
        ("paired difference/skewed-812-4/0.3", 300),
    ],
)
def test_few_runs_do_not_contradict_the_stated_coverage(name, runs):
    found = simulate(CELLS[name], runs)
    hits = round(found["value"] * found["n"])
    assert found["n"] == runs
    assert wilson(hits, runs, z=2.6)[1] >= 0.93


def test_cells_cover_less_where_intervals_ignore_clusters(monkeypatch):
    import coverage_cells

    monkeypatch.setattr(coverage_cells, "clusters_of", lambda design, tasks=None: None)
    cell = Cell("success", "webarena-4.5", 0.3)
    assert cell.runs == RUNS
    assert simulate(cell, 400)["value"] < 0.75


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_is_recorded_for_these_sources(name):
    cell = CELLS[name]
    found = fresh(cell)
    if found is None:
        found = simulate(cell)
        record(cell, found)
    wrong = fault(cell, found["value"], found["interval"][0])
    assert (wrong is None) == (name not in EXCEPTIONS), wrong
