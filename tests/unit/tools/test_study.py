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
import bases
import experiments
import intervals
import precise
import results
import write

import run

sys.path.remove(str(TOOLS))


def test_every_experiment_can_be_asked_of_improve():
    assert len(experiments.BY_NAME) == len(experiments.EXPERIMENTS) + len(experiments.FURTHER)
    for one in experiments.BY_NAME.values():
        asked = experiments.options(one, "BASE", 1, 2)
        assert asked.rounds == one.rounds
        assert (asked.seed, asked.config.seed, asked.settings["seed"]) == (1, 2, experiments.FIRST_WORLD + 1)


def test_every_cell_is_done_once_after_what_it_needs():
    todo = run.jobs([one.name for one in experiments.EXPERIMENTS])
    cells = [job for job in todo if job.experiment is not None]
    assert len(set(todo)) == len(todo)
    assert len(cells) == len(experiments.EXPERIMENTS) * 9
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


def test_the_t_interval_is_students_over_the_means_of_the_bases():
    dice = np.random.default_rng(0)
    values = [(dice.random((2, 50)) < share).astype(float) for share in (0.1, 0.3, 0.2, 0.6)]
    found = intervals.nested(values)
    means = np.array([base.mean() for base in values])
    half = 3.182446 * means.std(ddof=1) / 2  # the 97.5 % quantile of t with 3 degrees of freedom
    assert found.t == pytest.approx((means.mean() - half, means.mean() + half), abs=1e-6)
    assert found.half_width == pytest.approx(half, abs=1e-6)


def test_one_base_or_bases_all_alike_have_no_t_interval():
    assert intervals.nested([np.array([[0.0, 1.0]])]).t is None
    alike = intervals.nested([np.array([[0.0, 1.0]])] * 3)
    assert (alike.t, alike.half_width) == (None, None)


def test_equal_values_print_no_interval():
    assert write.both_intervals(estimate(0.0)) == ("0.0", write.MISSING, write.MISSING)
    assert write.both_intervals(None) == (write.MISSING,) * 3


def test_the_published_three_bases_reach_from_below_zero_to_37_points():
    """docs/studies: +14.3, nested [6.8, 24.2]; over bases [-7.9, 36.6]."""
    path = Path(__file__).parents[3] / "docs" / "studies" / "self-improvement.json"
    found = write.Tables(results.read(path)).headline(("main",))
    assert [round(100 * value, 1) for value in (found.mean, found.low, found.high)] == [14.3, 6.8, 24.2]
    assert [round(100 * value, 1) for value in found.t] == [-7.9, 36.6]


def test_bases_with_unplanted_faults_take_turns_and_need_no_other_base():
    one = experiments.BY_NAME["unplanted"]
    assert [one.kind(seed) for seed in one.bases] == ["early", "third"] * 3
    assert set(bases.UNPLANTED) == {"early", "third"}
    todo = run.jobs(["unplanted"])
    assert [job.kind for job in todo if job.experiment is None] == ["early", "third"] * 3
    assert [list(job.needs()) for job in todo if job.experiment is None] == [[]] * 6
    assert len(todo) == 12


def test_twelve_planted_and_six_unplanted_bases_at_most():
    planted = {base for name in ("main", "further") for base in experiments.BY_NAME[name].bases}
    assert planted == set(range(12))
    assert len(experiments.BY_NAME["unplanted"].bases) == 6


def estimate(*means):
    return intervals.nested([np.full((1, 4), mean) for mean in means])


def test_a_headline_is_done_when_its_t_interval_is_narrow_and_not_before_three_bases():
    assert not precise.is_done(None)
    assert not precise.is_done(estimate(0.1, 0.1001))
    assert not precise.is_done(estimate(0.1, 0.1, 0.1)), "no interval, no precision"
    assert precise.is_done(estimate(0.10, 0.11, 0.12))
    assert not precise.is_done(estimate(0.0, 0.1, 0.2))


def test_bases_are_added_one_by_one_until_the_headline_is_precise(study, monkeypatch, capsys):
    """Of each base only the outcomes are made up: files, stopping and order are the real ones."""
    began = []

    def do_base(out, experiment, base):
        began.append((experiment.name, base))
        learnt = "1111" if base % 2 else "1110"
        rows = [made(experiment.name, base, 0, "base", 0, "1000", "3111")]
        rows.append(made(experiment.name, base, 0, "A", 1, learnt, "3322"))
        return [{**row, "kind": experiment.kind(base), "cpu_seconds": 1800.0} for row in rows]

    monkeypatch.setattr(precise, "do_base", do_base)
    monkeypatch.setattr(precise, "make_demonstrations", lambda _: None)
    call = ["precise.py", "--out", str(study / "out"), "--to", str(study)]
    monkeypatch.setattr(sys, "argv", [*call, "--most", "2"])
    assert precise.main() == 1
    assert began == [("further", 3), ("further", 4)]
    monkeypatch.setattr(sys, "argv", call)
    precise.main()
    planted = [base for name, base in began if name == "further"]
    assert planted == list(range(3, 3 + len(planted))), "each once, in order"
    rows = results.rows_of(study / "self-improvement.json")
    assert precise.used_hours(rows) == len(began) / 2 <= precise.CPU_HOURS
    found = write.Tables(results.Results(rows)).headline(("main", "further"))
    assert precise.is_done(found) or len(found.bases) == 12
    assert "planted faults: 3 bases" in capsys.readouterr().out


def test_nothing_is_added_beyond_the_cpu_hours(study, monkeypatch):
    def do_base(out, experiment, base):
        rows = [made(experiment.name, base, 0, name, int(name == "A"), "1000", "3111") for name in ("base", "A")]
        return [{**row, "cpu_seconds": 3 * 3600.0} for row in rows]

    monkeypatch.setattr(precise, "do_base", do_base)
    monkeypatch.setattr(precise, "make_demonstrations", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["precise.py", "--out", str(study / "out"), "--to", str(study)])
    assert precise.main() == 1
    rows = results.rows_of(study / "self-improvement.json")
    assert len({(row["experiment"], row["base"]) for row in rows if "cpu_seconds" in row}) == 3


def test_cells_of_a_folder_replace_those_of_the_file_and_the_others_stay():
    before = [made("main", base, 0, "A", 1, "1000", "3111") for base in (0, 1)]
    new = [made("main", 1, 0, "A", 1, "1111", "3333"), made("unplanted", 0, 0, "A", 1, "0000", "0000")]
    found = results.merged(before, new)
    assert [(row["experiment"], row["base"], row["greedy"]["successes"]) for row in found] == [
        ("main", 0, "1000"), ("main", 1, "1111"), ("unplanted", 0, "0000"),
    ]  # fmt: skip


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
