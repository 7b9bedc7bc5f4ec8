"""The study: its cells are all there once, its intervals are right, its tables hold what the cells came to."""

# ruff: noqa: E402 - the tools are scripts beside each other, found once their folder is

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tracewarp.errors import RunMismatchError

TOOLS = Path(__file__).parents[3] / "tools" / "study"
if not TOOLS.is_dir():
    pytest.skip("the tools are not part of a distribution", allow_module_level=True)
sys.path.insert(0, str(TOOLS))
import experiments
import intervals
import results
import write

import run

sys.path.remove(str(TOOLS))


def test_every_experiment_can_be_asked_of_improve():
    assert len(experiments.BY_NAME) == len(experiments.EXPERIMENTS)
    for one in experiments.EXPERIMENTS:
        asked = experiments.options(one, "BASE", 1, 2)
        assert asked.rounds == one.rounds
        assert (asked.seed, asked.config.seed, asked.settings["seed"]) == (1, 2, experiments.FIRST_WORLD + 1)


def test_every_cell_is_done_once_after_what_it_needs():
    todo = run.jobs(list(experiments.BY_NAME))
    cells = [job for job in todo if job.experiment is not None]
    assert len(set(todo)) == len(todo)
    assert len(cells) == len(experiments.BY_NAME) * 9
    done = set()
    for job in todo:
        assert done.issuperset(job.needs())
        done.add(job)


def test_once_there_is_one_cell_a_base_beside_main():
    cells = [job for job in run.jobs(["main", "all-steps"], once=True) if job.experiment is not None]
    assert len(cells) == 9 + 3
    assert {(job.base_seed, job.training_seed) for job in cells if job.experiment == "all-steps"} == {
        (0, 0),
        (1, 1),
        (2, 2),
    }


def test_what_needs_a_job_that_failed_is_not_begun(tmp_path, monkeypatch, capsys):
    begun = []

    class Here:
        """A pool that works at once."""

        def __init__(self, *_, **__): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def submit(self, do, out):
            future = run.Future()
            job = do.__self__
            begun.append(job)
            if job.base_seed == 1 and job.experiment == "main":
                future.set_exception(OSError("no space"))
            else:
                future.set_result("fine")
            return future

    monkeypatch.setattr(run, "ProcessPoolExecutor", Here)
    todo = run.jobs(["main", "all-steps"])
    assert run.do_all(list(todo), tmp_path, 2) == 1 + 2 + 3
    assert len(begun) == len(todo) - 5
    assert "FAILED: OSError: no space" in capsys.readouterr().out


def test_a_folder_is_taken_whole_or_not_at_all(tmp_path):
    (tmp_path / "a" / "inner").mkdir(parents=True)
    (tmp_path / "a" / "inner" / "file").write_text("x")
    (tmp_path / "b.partial").mkdir()
    run.take(tmp_path / "a", tmp_path / "b")
    run.take(tmp_path / "missing", tmp_path / "c")
    assert (tmp_path / "b" / "inner" / "file").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def slow_nested(bases, seed, resamples):
    """The definition, draw by draw, with other random numbers."""
    dice = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        means = []
        for place in dice.choice(len(bases), len(bases)):
            values = bases[place]
            tasks = dice.choice(values.shape[1], values.shape[1])
            means.append(np.mean([values[s, tasks].mean() for s in dice.choice(len(values), len(values))]))
        found.append(np.mean(means))
    return np.quantile(found, [0.025, 0.975])


def test_the_interval_is_that_of_the_definition():
    dice = np.random.default_rng(0)
    bases = [dice.random((3, 40)) < share for share in (0.2, 0.5, 0.6)]
    bases = [values.astype(float) for values in bases]
    found = intervals.nested(bases)
    assert found.mean == pytest.approx(np.mean([values.mean() for values in bases]))
    assert found.bases == tuple(values.mean() for values in bases)
    assert (found.n_seeds, found.n_tasks) == (9, 120)
    assert [found.low, found.high] == pytest.approx(slow_nested(bases, 1, 4_000), abs=0.012)


def test_equal_values_have_no_interval():
    found = intervals.nested([np.full((2, 5), 0.25)] * 3)
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)


def test_an_interval_over_bases_that_differ_is_wider_than_one_over_tasks_alone():
    dice = np.random.default_rng(0)
    alike = [(dice.random((3, 100)) < 0.5).astype(float) for _ in range(3)]
    apart = [(dice.random((3, 100)) < share).astype(float) for share in (0.2, 0.5, 0.8)]
    widths = [found.high - found.low for found in map(intervals.nested, (alike, apart))]
    assert widths[1] > 2 * widths[0]


def made(experiment, base, seed, agent, number, greedy, sampled):
    """A row as `results.gather` makes it."""

    def tested(successes, runs):
        return {
            "runs": runs, "successes": successes, "infeasible": "0001", "plausible": 3, "plausible_successes": 2,
            "steps": 9,
        }  # fmt: skip

    row = {"experiment": experiment, "base": base, "seed": seed, "agent": agent, "round": number, "vertex_dtw": 0.5}
    row |= {"greedy": tested(greedy, 1), "sampled": tested(sampled, 3)}
    if agent == "base":
        return row | {"cooled": tested("2222", 3)}
    rules = [["loops", 4, 1, 0.75, 0.5]]
    return row | {
        "collected": 8, "successful": 2, "kept": 4, "fallbacks": 0, "precision": 0.5, "recall": 1.0, "rules": rules,
        "examples": 30, "epochs": 4, "best_epoch": 2, "kept_epoch": 2, "perplexity": [2.0, 1.5],
    }  # fmt: skip


@pytest.fixture
def study(tmp_path):
    rows = []
    for base in (0, 1, 2):
        for seed in (0, 1, 2):
            rows += [
                made("main", base, seed, "base", 0, "1000", "3111"),
                made("main", base, seed, "A", 1, "1110", "3322"),
                made("main", base, seed, "random-A", 1, "1100", "3111"),
            ]
            rows.append({"experiment": "without-failure", "base": base, "seed": seed, "same": "main"})
    (tmp_path / "self-improvement.json").write_text(json.dumps({"cells": rows}))
    return tmp_path


def test_tables_hold_differences_on_the_same_tasks(study):
    tables = write.Tables(results.read(study / "self-improvement.json"))
    learnt, base, random = (("main", name, number) for name, number in (("A", 1), ("base", 0), ("random-A", 1)))
    assert tables.rate(base, "greedy").mean == 0.25
    assert tables.rate(base, "greedy").n_seeds == 3
    assert tables.gain(learnt, base, "greedy").mean == 0.5
    assert tables.gain(learnt, random, "greedy").mean == 0.25
    assert tables.gain(learnt, base, "sampled").mean == pytest.approx(4 / 12)
    assert tables.gain(learnt, base, "sampled", "cooled").mean == pytest.approx(2 / 12)


def test_a_cell_that_would_repeat_has_the_figures_of_the_main_setting(study):
    found = results.read(study / "self-improvement.json")
    assert found.repeated("without-failure") == 9
    assert found.found("without-failure", "A", 1) == found.found("main", "A", 1)


def test_the_document_is_written_with_its_plots(study, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["write.py", "--to", str(study)])
    write.main()
    text = (study / "self-improvement-tables.md").read_text()
    assert "| the paper's filter, mixture A | 9 | 30 | 2 | 75.0 %" in text
    assert "without-failure 9 of 9" in text
    plot = (study / "self-improvement-main.svg").read_text()
    assert plot.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "+50.0 pp" in plot


def test_a_cell_done_with_other_options_is_not_mixed_in(tmp_path):
    wanted = experiments.options(experiments.BY_NAME["main"], "BASE", 0, 0)
    done = json.loads(json.dumps(wanted.to_dict()))
    (tmp_path / "improvement.json").write_text(json.dumps({"options": done | {"model": "elsewhere", "workers": 2}}))
    run.check(tmp_path, wanted)
    (tmp_path / "improvement.json").write_text(json.dumps({"options": done | {"test_limit": 7}}))
    with pytest.raises(RunMismatchError, match="was done with test_limit 7, not 100"):
        run.check(tmp_path, wanted)


def test_a_row_of_aliases_and_trainings_has_no_control(study):
    """Main's control was no control of those that were trained with other rules."""
    assert write.control_of(("without-failure", "A", 1)) is None
    assert write.control_of(("mixtures", "C", 1)) == ("main", "random-A", 1)
    assert write.control_of(("main", "A", 1)) == ("main", "random-A", 1)
    assert write.control_of(("main", "random-A", 1)) is None


def test_a_difference_over_fewer_cells_than_the_row_has_is_missing(study):
    path = study / "self-improvement.json"
    rows = json.loads(path.read_text())["cells"]
    left = [row for row in rows if (row.get("agent"), row["base"]) != ("random-A", 1)]
    path.write_text(json.dumps({"cells": left}))
    tables = write.Tables(results.read(path))
    assert tables.gain(("main", "A", 1), ("main", "random-A", 1), "greedy") is None
    assert tables.gain(("main", "A", 1), ("main", "base", 0), "greedy").mean == 0.5
