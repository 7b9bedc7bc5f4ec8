"""The evaluation as a whole: roles of files, names, settings, what is written, and what is refused."""

import json

import pytest

from tracewarp.embed import EmbeddingCache
from tracewarp.errors import (
    DuplicateKeyError,
    EmptyInputError,
    EmptyRunError,
    EncoderError,
    FileError,
    OptionError,
    RecordError,
    UnreadableFileError,
)
from tracewarp.evaluate import EvaluateOptions, evaluate, scores_json, write_scores


def test_scores_are_written_whole_and_read_back_equal(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2, score=0.0)])
    scores = workshop.scores(run)
    path = workshop.folder / "scores.json"
    path.write_text("old", encoding="utf-8")
    write_scores(scores, path)
    text = path.read_text(encoding="utf-8")
    assert text == scores_json(scores) + "\n"
    found = json.loads(text)
    rate = found["runs"][0]["functional_correctness"]["rate"]
    assert (found["schema_version"], rate["value"], rate["interval"]) == (2, 0.5, None)
    assert rate["reason"] == "2 tasks; an interval needs at least 6"
    assert sorted(p.name for p in workshop.folder.iterdir()) == ["run.jsonl", "scores.json"]


def test_the_same_call_gives_the_same_scores(workshop):
    run = workshop.run("run", [workshop.episode(i, score=float(i % 2)) for i in range(6)])
    assert scores_json(workshop.scores(run, seed=3)) == scores_json(workshop.scores(run, seed=3))


def test_settings_tell_how_to_get_the_figures_again(workshop):
    run = workshop.run("run", [workshop.episode(1)])
    tasks = workshop.tasks({1: "t"})
    found = workshop.scores(run, tasks=tasks, references_from="capability", seed=5, threads=2).settings
    assert (found["seed"], found["resamples"], found["confidence"], found["threads"]) == (5, 2_000, 0.95, 2)
    assert found["encoder"] == {"name": "hashed", "id": "hashed/1-512", "dim": 512}
    assert found["vertex"]["mode"] == "normalized"
    assert len(found["tasks"]["sha256"]) == 64
    assert set(found["versions"]) == {"tracewarp", "numpy", "scipy"}
    assert found["sources"][0]["name"] == "run"


def test_runs_of_one_name_are_told_apart(workshop):
    paths = [workshop.run(f"{folder}/run", [workshop.episode(1)]) for folder in ("a", "b", "x/a")]
    assert [run.name for run in workshop.scores(*paths).runs] == ["a/run", "b/run", "a/run#2"]


def test_a_bad_line_is_told_and_costs_only_itself(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2)])
    with run.open("a", encoding="utf-8") as file:
        file.write("{torn\n")
    scores = workshop.scores(run)
    assert scores.runs[0].functional_correctness.n == 2
    assert scores.settings["sources"][0]["n_problems"] == 1
    assert any("1 problem while reading" in note and "run.jsonl:3" in note for note in scores.runs[0].notes)
    with pytest.raises(RecordError, match=r"run\.jsonl:3"):
        workshop.scores(run, strict=True)


def test_two_spellings_of_one_task_are_a_repeated_key(workshop):
    run = workshop.run("run", [workshop.episode("1"), workshop.episode("task_1")])
    with pytest.raises(DuplicateKeyError, match="'1', repeat 0"):
        workshop.scores(run, tasks=workshop.tasks({1: "t"}))


def test_a_repeated_key_is_refused(workshop):
    run = workshop.run("run", [workshop.episode(1)])
    run.write_text(run.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(DuplicateKeyError, match="repeat 0"):
        workshop.scores(run)


def test_the_task_file_speaks_for_the_record(workshop):
    run = workshop.run("run", [workshop.episode("webarena.1", sites=("elsewhere",))])
    row = workshop.score(run, tasks=workshop.tasks({1: ("t", ["map"])})).episodes[0]
    assert (row.task, row.objective, row.site) == ("1", "objective 1", "map")


def test_references_of_other_tasks_cost_no_embedding_of_tests(workshop):
    run = workshop.run("run", [workshop.episode(i, [f"click [{i}]", "stop [x]"]) for i in range(10)])
    gold = workshop.run("gold", [workshop.episode(3, ["goto [z]"])])
    cache = workshop.folder / "cache.sqlite"
    evaluate([run], EvaluateOptions(references=(gold,), cache=cache, resamples=2_000))
    with EmbeddingCache(cache) as kept:
        assert len(kept) == 1 + 1 + 2  # the reference's step, its trivial step, the test's two steps


def test_a_second_call_encodes_nothing(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(1, ["x"], repeat=1)])
    told = []  # three steps and two trivial ones, whose texts are the same
    for _ in range(2):
        options = EvaluateOptions(references=(run,), cache=workshop.folder / "c.sqlite", resamples=2_000)
        evaluate([run], options, listener=told.append)
    finished = [progress for progress in told if progress.done]
    assert [(p.episodes, p.expected_episodes, p.steps, p.encoded) for p in finished] == [(2, 2, 5, 4), (2, 2, 5, 0)]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda w: w.scores(), EmptyInputError, "at least one run"),
        (lambda w: w.scores("missing.jsonl"), UnreadableFileError, "missing.jsonl"),
        (lambda w: w.scores(w.run("a", [w.episode(1)]), w.folder / "a.jsonl"), OptionError, "given twice"),
        (lambda w: w.scores(w.run("a", [w.episode(1)]), tasks="no.json"), UnreadableFileError, "no.json"),
        (lambda w: w.scores(w.run("a", [w.episode(1)]), compare_to="no.jsonl"), UnreadableFileError, "no.jsonl"),
        (
            lambda w: w.scores(w.run("a", [w.episode(1)]), references=(w.folder / "a.jsonl",), step_template="x"),
            OptionError,
            "template",
        ),
        (
            lambda w: w.scores(w.run("a", [w.episode(1)]), references=(w.folder / "a.jsonl",), encoder=" "),
            EncoderError,
            "encoder",
        ),
    ],
)
def test_bad_input_is_named(workshop, call, error, words):
    with pytest.raises(error, match=words):
        call(workshop)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resamples": 10}, "resamples"),
        ({"seed": -1}, "seed"),
        ({"confidence": 1.5}, "confidence"),
        ({"chance_draws": -1}, "chance_draws"),
        ({"threads": 0}, "threads"),
        ({"references_from": "site"}, "references_from"),
    ],
)
def test_options_are_checked_when_they_are_made(options, words):
    with pytest.raises(OptionError, match=words):
        EvaluateOptions(**options)


def test_a_file_of_bad_lines_only_is_an_empty_run(workshop):
    run = workshop.run("run", [workshop.episode(1)])
    run.write_text(run.read_text(encoding="utf-8").replace('"task"', '"tusk"', 1), encoding="utf-8")
    with pytest.raises((EmptyRunError, UnreadableFileError), match=r"run\.jsonl"):
        workshop.scores(run)


def test_scores_that_cannot_be_written_name_the_file(workshop):
    scores = workshop.scores(workshop.run("run", [workshop.episode(1)]))
    with pytest.raises(FileError, match=r"scores\.json: cannot be written"):
        write_scores(scores, workshop.folder / "missing" / "scores.json")
