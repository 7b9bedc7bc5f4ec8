"""Whatever the bytes, readers give trajectories, reported problems, or tracewarp's own errors."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tracewarp.errors import TracewarpError
from tracewarp.trajectory import (
    Ending,
    Observation,
    Outcome,
    Provenance,
    Step,
    Task,
    Trajectory,
    action_verb,
    load_tasks,
    open_run,
    write_trajectories,
)
from tracewarp.trajectory.formats.agentlab import parse_record, split_response
from tracewarp.trajectory.formats.atif import to_atif

# Text as json.loads can give it: with halves of surrogate pairs.
any_text = st.text(st.characters(), max_size=8)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**400), 10**400), st.floats(), any_text, st.just("1")
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3), max_leaves=8
)


def objects(*names, values=None):
    """Objects whose known keys hold anything, or what they should."""
    return st.fixed_dictionaries({}, optional={name: (values or {}).get(name, json_values) for name in names})


def either(good):
    return st.one_of(good, json_values)


observations = objects(
    "axtree_txt", "goal", "goal_object", "last_action", "last_action_error", "open_pages_urls", "open_pages_titles",
    "active_page_index", "chat_messages", "pruned_html", "other",
    values={"axtree_txt": either(any_text), "chat_messages": either(st.lists(objects("timestamp"), max_size=1))},
)  # fmt: skip
agentlab_steps = objects(
    "step", "obs", "action", "reward", "raw_reward", "terminated", "truncated", "stats", "task_info", "agent_info", "x",
    values={"obs": either(observations), "stats": either(objects("step_elapsed", "agent_elapsed", "n"))},
)  # fmt: skip
agentlab_records = objects(
    "task", "steps", "summary", "repeat", "seed", "agent", "model", "other",
    values={
        "task": either(st.sampled_from(["task_1", "2", 3])),
        "steps": either(st.lists(either(agentlab_steps), max_size=4)),
        "summary": either(objects("cum_reward", "err_msg", "stack_trace", "terminated", "truncated", "n_steps")),
    },
)  # fmt: skip
own_steps = objects(
    "observation", "response", "action", "executed", "valid", "reward", "extra",
    values={"observation": either(objects("text", "url", "extra"))},
)  # fmt: skip
own_records = objects(
    "schema_version", "task", "repeat", "steps", "outcome", "provenance", "extra",
    values={
        "schema_version": st.sampled_from([1, 1, 1, 2, "1"]),
        "task": either(objects("id", "objective", "sites", values={"id": either(st.sampled_from(["1", "2"]))})),
        "steps": either(st.lists(own_steps, max_size=3)),
        "outcome": either(objects("score", "ending")),
    },
)  # fmt: skip
task_entries = objects(
    "task_id", "id", "intent", "sites", "start_url", "intent_template", "intent_template_id", "extra", "eval",
    values={"task_id": either(st.integers(0, 5))},
)  # fmt: skip

records = st.one_of(own_records, agentlab_records, task_entries, json_values)
bad_lines = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"\0" * 9, b"[" * 5000, b'{"a":' * 5000, b'{"task": {"id": "x"', b"9" * 5000, b"\xed\xa0\x80"]),
)
any_lines = st.lists(records.map(lambda value: json.dumps(value).encode()) | bad_lines, max_size=6)
packs = st.sampled_from([bytes, gzip.compress, zstandard.ZstdCompressor().compress])


def read(path, **options):
    """Episodes and problems, or None after one of our own errors."""
    try:
        reader = open_run(path, **options)
        return list(reader), reader.problems
    except TracewarpError as error:
        assert str(error)
        return None


@given(lines=any_lines, pack=packs, cut=st.none() | st.integers(0, 200), cap=st.sampled_from([1, 50, 10**6]))
@settings(deadline=None, max_examples=300)
def test_any_lines_give_episodes_problems_or_our_errors(lines, pack, cut, cap):
    data = pack(b"\n".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        path.write_bytes(data if cut is None else data[:cut])
        found = read(path, max_line_bytes=cap)
        read(path, strict=True)
        if found is not None:
            # what was read can be written, and is the same when read again
            again = Path(folder) / "again.jsonl.zst"
            try:
                write_trajectories(again, found[0])
            except TracewarpError:
                return
            reader = open_run(again)
            assert [one.key for one in reader] == [one.key for one in found[0]]
            assert reader.problems == []


@given(data=st.binary(max_size=200), magic=st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"["]))
@settings(deadline=None, max_examples=200)
def test_any_bytes_give_our_errors_or_nothing(data, magic):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl.gz"
        path.write_bytes(magic + data)
        read(path)
        try:
            load_tasks(path)
        except TracewarpError as error:
            assert str(error)


@given(record=agentlab_records)
@settings(deadline=None, max_examples=300)
def test_any_agentlab_record_gives_a_trajectory_or_our_error(record):
    try:
        found = parse_record(record, source="x", complain=lambda message: None)
    except TracewarpError as error:
        assert str(error)
    else:
        assert isinstance(found, Trajectory)
        assert len(found.executed_steps) >= len(found.steps) - 1


@given(steps=st.lists(either(agentlab_steps), max_size=3), summary=json_values)
@settings(deadline=None, max_examples=100)
def test_any_step_files_give_episodes_problems_or_our_errors(steps, summary):
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task_1"
        task.mkdir()
        for number, step in enumerate(steps):
            (task / f"steps_info_{number}.json").write_text(json.dumps(step))
        (task / "summary_info.json").write_text(json.dumps(summary))
        read(Path(folder))
        read(task, strict=True)


@given(entries=st.lists(either(task_entries), max_size=4), as_lines=st.booleans())
@settings(deadline=None, max_examples=300)
def test_any_task_file_gives_tasks_or_our_error(entries, as_lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tasks.json"
        path.write_text("\n".join(map(json.dumps, entries)) if as_lines else json.dumps(entries))
        try:
            tasks = load_tasks(path)
        except TracewarpError as error:
            assert str(error)
        else:
            assert len(tasks) == len(entries)
            assert all(tasks.find(task.id) is task for task in tasks)
            assert tasks.is_webarena in (True, False)


@given(text=st.none() | any_text | st.text("<>/`thinkacto []()", max_size=40))
def test_splitting_never_fails_and_never_gives_blank_text(text):
    for part in split_response(text):
        assert part is None or part.strip()
    verb = action_verb(text)
    assert verb is None or (verb and "[" not in verb and "(" not in verb)


whole_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | whole_text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(whole_text, inner, max_size=2),
    max_leaves=4,
)
extras = st.dictionaries(whole_text, plain_json, max_size=2)
finite = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.none() | whole_text
trajectories = st.builds(
    Trajectory,
    task=st.builds(
        Task, id=st.text("ab1_.", min_size=1, max_size=4), objective=whole_text, sites=st.just(("map",)), extra=extras
    ),
    repeat=st.integers(0, 3),
    steps=st.lists(
        st.builds(
            Step,
            observation=st.builds(Observation, text=whole_text, url=texts, title=texts, extra=extras),
            response=texts,
            reasoning=texts,
            action=texts,
            executed=st.booleans(),
            valid=st.none() | st.booleans(),
            error=texts,
            reward=finite,
            model_seconds=finite,
            environment_seconds=finite,
            extra=extras,
        ),
        max_size=3,
    ).map(tuple),
    outcome=st.builds(
        Outcome, score=st.none() | st.floats(0, 1), ending=st.sampled_from(Ending), error=texts, extra=extras
    ),
    provenance=st.builds(Provenance, agent=texts, seed=st.none() | st.integers(0, 2**64), extra=extras),
    extra=extras,
)


@given(
    episodes=st.lists(trajectories, min_size=1, max_size=4, unique_by=lambda one: one.key),
    suffix=st.sampled_from(["jsonl", "jsonl.gz", "jsonl.zst"]),
)
@settings(deadline=None, max_examples=100)
def test_writing_and_reading_is_the_identity(episodes, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"run.{suffix}"
        assert write_trajectories(path, episodes) == len(episodes)
        reader = open_run(path, strict=True)
        assert list(reader) == episodes


# One bad record loses itself alone, whatever is wrong with it.

CASES = Path(__file__).parents[1] / "data" / "cases"
DATA = Path(__file__).parents[1] / "data"


def _document(path):
    return json.loads((CASES / path).read_text("utf-8"))


OWN = json.loads((CASES / "hf-roundtrip-in.jsonl").read_text("utf-8").splitlines()[0])
ATIF = _document("atif-no-llm-step.json")
WRITTEN = to_atif(Trajectory.model_validate(OWN))
AGENTLAB = json.loads((DATA / "trajectories" / "agentlab.jsonl").read_text("utf-8").splitlines()[0])
BLOCK = "OBSERVATION:\np\nURL: u\nOBJECTIVE: o\nPREVIOUS ACTION: None"
PROMPTS = {"score": 1.0, "prompts": [{"prompt": BLOCK, "response": "r", "extracted_action": "stop [x]"}]}
TASKS = [{"task_id": 1, "intent": "a", "sites": ["shop"], "eval": {"eval_types": []}}]
PAGE = (
    "<pre>intent: a\n</pre><h3 class='url'><a>URL: u</a></h3><div class='state_obv'><pre>p</pre></div>"
    "<div class='raw_parsed_prediction'><pre>```stop [x]```</pre></div>"
    "<div class='parsed_action'><pre>stop [x]</pre></div>"
)


def places(value, at=()):
    """Every place within a JSON value."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*at, key))


def put(value, at, new):
    """The value with another one at a place."""
    if not at:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[at[0]] = put(value[at[0]], at[1:], new)
    return copied


@st.composite
def mutated(draw, value):
    """A valid value with up to three parts replaced by anything."""
    for _ in range(draw(st.integers(1, 3))):
        value = put(value, draw(st.sampled_from(sorted(places(value), key=repr))), draw(json_values))
    return value


def keeps_the_good_one(path, good):
    """The reader gives the good episode, or one of our errors that is about the whole file."""
    try:
        reader = open_run(path)
        found = [located.trajectory.task.id for located in reader.located()]
    except TracewarpError as error:
        assert "schema_version" in str(error), error
        return
    assert good in found
    assert all(str(problem).isprintable() for problem in reader.problems)


@given(bad=st.one_of(mutated(OWN), mutated(ATIF), mutated(WRITTEN), mutated(AGENTLAB)))
@settings(deadline=None, max_examples=400)
def test_a_mutated_line_loses_itself_alone(bad):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        path.write_text(f'{{"task": {{"id": "good"}}}}\n{json.dumps(bad)}\n')
        keeps_the_good_one(path, "good")


@given(
    bad=mutated(ATIF) | mutated(WRITTEN),
    result=mutated({"task_name": "t", "verifier_result": {"rewards": {"reward": 1}}}),
)
@settings(deadline=None, max_examples=200)
def test_a_mutated_document_loses_itself_alone(bad, result):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = ATIF | {"session_id": "good"}
        (folder / "a.json").write_text(json.dumps(bad))
        (folder / "b.json").write_text(json.dumps(good))
        keeps_the_good_one(folder, "good")
        for trial, document, about in (("x__1", bad, result), ("good__2", good, {})):
            (folder / "job" / trial / "agent").mkdir(parents=True)
            (folder / "job" / trial / "agent" / "trajectory.json").write_text(json.dumps(document))
            (folder / "job" / trial / "result.json").write_text(json.dumps(about))
        keeps_the_good_one(folder / "job", "good")


@given(bad=mutated(PROMPTS), step=mutated(AGENTLAB["steps"][0]), summary=mutated(AGENTLAB["summary"]))
@settings(deadline=None, max_examples=200)
def test_a_mutated_file_of_a_folder_loses_itself_alone(bad, step, summary):
    with tempfile.TemporaryDirectory() as name:
        prompts = Path(name) / "prompts"
        prompts.mkdir()
        (prompts / "1.json").write_text(json.dumps(bad))
        (prompts / "good.json").write_text(json.dumps(PROMPTS))
        keeps_the_good_one(prompts.parent, "good")
        for task, parts in (("task_1", (step, summary)), ("task_good", (AGENTLAB["steps"][0], AGENTLAB["summary"]))):
            (prompts.parent / "runs" / task).mkdir(parents=True)
            for file, part in zip(("steps_info_0.json", "summary_info.json"), parts, strict=True):
                (prompts.parent / "runs" / task / file).write_text(json.dumps(part))
        keeps_the_good_one(prompts.parent / "runs", "good")


@given(cut=st.integers(0, len(PAGE)), put_in=st.text("<>/='`[]: \nURLpre", max_size=30))
@settings(deadline=None, max_examples=200)
def test_a_mutated_page_loses_itself_alone(cut, put_in):
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "render_1.html").write_text(PAGE[:cut] + put_in + PAGE[cut:])
        (Path(name) / "render_good.html").write_text(PAGE)
        keeps_the_good_one(Path(name), "good")


@given(bad=mutated(TASKS))
@settings(deadline=None, max_examples=200)
def test_mutated_tasks_are_tasks_or_one_of_our_errors(bad):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tasks.json"
        path.write_text(json.dumps(bad))
        try:
            load_tasks(path)
        except TracewarpError as error:
            assert str(error)
