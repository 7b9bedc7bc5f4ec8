"""A run folder: what is in it, when it goes on, and when it refuses to."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from counter_world import CounterSource, CounterWorld

from tracewarp.collect import BasePolicy, CollectOptions, Decision, Limits, collect, without_timings
from tracewarp.collect.journal import Journal
from tracewarp.collect.lock import RunLock
from tracewarp.collect.oracle_policies import OraclePolicy
from tracewarp.errors import (
    CollectionStoppedError,
    DuplicateKeyError,
    EmptyInputError,
    EnvironmentFailure,
    FileError,
    ModelError,
    ModelUnavailableError,
    OptionError,
    PolicyError,
    RecordError,
    RunLockedError,
    RunMismatchError,
)
from tracewarp.trajectory import Ending, open_run

NOISY = "noisy:wrong=0.2,give_up=0.05,loop=0.05,malformed=0.1"


def options(policy=NOISY, **given):
    return CollectOptions("counter_world:WORLD", policy, **{"split": "train", **given})


def records(folder):
    return [without_timings(trajectory) for trajectory in open_run(folder, strict=True)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    collect(folder, options(repeats=3))
    return folder


def test_a_run_folder_holds_its_settings_and_an_episode_a_line(undisturbed):
    assert sorted(path.name for path in undisturbed.iterdir()) == [".lock", "run.json", "trajectories.jsonl"]
    told = json.loads((undisturbed / "run.json").read_text("utf-8"))
    assert told["config"]["environment"]["name"] == "counter_world:WORLD"
    assert told["config"]["policy"]["noise"]["wrong"] == 0.2
    assert told["config"]["limits"]["parse_failures"] == 3
    assert told["episodes"] == 48 and told["finished_at"] and len(told["sessions"]) == 1
    assert told["sessions"][0]["versions"]["tracewarp"]
    found = open_run(undisturbed)
    assert (found.format, found.info.driver, found.info.agent) == ("tracewarp-run", "tests", "noisy")
    assert [trajectory.key for trajectory in found][:4] == [
        ("count-1", 0),
        ("count-1", 1),
        ("count-1", 2),
        ("count-2", 0),
    ]
    endings = {trajectory.outcome.ending for trajectory in found}
    assert endings == {Ending.STOP, Ending.REPEATED_ACTION, Ending.PARSE_FAILURES}


def test_repeats_differ_and_the_same_seed_gives_the_same_run(undisturbed, tmp_path):
    collect(tmp_path / "again", options(repeats=3))
    assert records(tmp_path / "again") == records(undisturbed)
    collect(tmp_path / "other", options(repeats=3, seed=1))
    assert records(tmp_path / "other") != records(undisturbed)
    repeats = [[step.action for step in found.steps] for found in records(undisturbed) if found.task.id == "count-4"]
    assert len(repeats) == 3 and repeats[0] != repeats[1]


@pytest.mark.parametrize("workers", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_the_number_of_workers_changes_no_record(undisturbed, tmp_path, workers):
    collect(tmp_path / "run", options(repeats=3, workers=workers))
    assert records(tmp_path / "run") == records(undisturbed), "the order too"


def test_a_finished_run_is_left_as_it_is(undisturbed):
    before = {path.name: path.read_bytes() for path in undisturbed.iterdir()}
    standings = []
    collected = collect(undisturbed, options(repeats=3), listener=standings.append)
    assert {path.name: path.read_bytes() for path in undisturbed.iterdir()} == before
    assert (collected.progress.resumed, collected.progress.total, len(standings)) == (48, 48, 1)


def test_a_torn_last_line_is_dropped_and_its_episode_collected_again(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    journal = folder / "trajectories.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:20]) + lines[20][:100])
    collected = collect(folder, options(repeats=3))
    assert collected.progress.resumed == 20
    assert records(folder) == records(undisturbed)
    assert len(collected.info.sessions) == 2


def test_an_interrupted_order_is_put_right_at_the_end(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    journal = folder / "trajectories.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(reversed(lines[5:40])))
    (folder / ".trajectories.jsonl.123.tmp").write_bytes(b"half")
    collect(folder, options(repeats=3, workers=2))
    assert records(folder) == records(undisturbed)
    assert not list(folder.glob("*.tmp")) and not list(folder.glob(".*.tmp"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "seed = 0, now it is 1"),
        ({"repeats": 2}, "selection.repeats = 3, now it is 2"),
        ({"policy": "oracle"}, "policy.text = "),
        ({"split": "test"}, "selection.split = \"train\", now it is \"test\""),
        ({"limits": Limits(max_steps=3)}, "limits.max_steps = null, now it is 3"),
        ({"settings": {"pause": 0.001}}, "environment.settings.pause = null, now it is 0.001"),
    ],
)  # fmt: skip
def test_other_settings_do_not_go_on_with_a_run(undisturbed, change, words):
    before = (undisturbed / "trajectories.jsonl").read_bytes()
    with pytest.raises(RunMismatchError) as raised:
        collect(undisturbed, options(**{"repeats": 3, **change}))
    assert words in str(raised.value)
    assert (undisturbed / "trajectories.jsonl").read_bytes() == before


def test_overwriting_begins_anew(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    collected = collect(folder, options("oracle", overwrite=True))
    assert (collected.progress.resumed, collected.progress.tally.successes) == (0, 16)
    assert all(found.outcome.success for found in records(folder))


@pytest.mark.parametrize("name", ["trajectories.jsonl", "run.json"])
def test_a_folder_of_another_origin_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("{}\n")
    with pytest.raises(RunMismatchError, match="another origin"):
        collect(tmp_path, options())
    assert (tmp_path / name).read_text() == "{}\n"


def test_a_damaged_line_is_named_and_nothing_is_thrown_away(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    journal = folder / "trajectories.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[7] = b"\x00\x00\x00\n"
    journal.write_bytes(b"".join(lines))
    with pytest.raises(RecordError, match=r"trajectories\.jsonl:8: .* remove the line"):
        collect(folder, options(repeats=3))
    assert journal.read_bytes() == b"".join(lines)
    lines[7] = lines[6]
    journal.write_bytes(b"".join(lines))
    with pytest.raises(DuplicateKeyError, match=r"trajectories\.jsonl:8: task count-4, repeat 0"):
        collect(folder, options(repeats=3))


def test_the_second_collector_is_told_who_the_first_is(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from tracewarp.collect.lock import RunLock\n"
        "with RunLock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunLockedError, match=rf"another process is collecting .*\(process {holder.pid} on "):
            collect(tmp_path, options())
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with RunLock(tmp_path):
        pass  # a dead process holds nothing


def test_failures_of_the_world_are_recorded_and_collected_again_once_a_command(tmp_path):
    once = options("oracle", split="all", tasks=("fail-3", "crash-3", "count-2"), settings={"folder": str(tmp_path)})
    first = collect(tmp_path / "run", once)
    assert first.progress.tally.errors == first.progress.tally.transport_failures == 2
    second = collect(tmp_path / "run", once)
    assert (second.progress.resumed, second.progress.total, second.progress.tally.errors) == (1, 3, 2)
    assert [found.task.id for found in records(tmp_path / "run")] == ["fail-3", "crash-3", "count-2"]


def test_errors_of_the_agent_are_collected_again_on_request_only(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "collect_test", sys.modules[__name__])
    given = options("collect_test:BrokenPolicy", tasks=("count-1", "count-2"))
    assert collect(tmp_path / "run", given).progress.tally.all_failed
    assert collect(tmp_path / "run", given).progress.resumed == 2
    assert collect(tmp_path / "run", CollectOptions(**{**vars(given), "retry_errors": True})).progress.resumed == 0


@pytest.fixture
def flaky(monkeypatch):
    """A policy whose model's server is down until `comes_back` is called."""
    monkeypatch.setitem(sys.modules, "collect_test", sys.modules[__name__])
    monkeypatch.setattr(Flaky, "down", True)
    return Flaky


class Flaky(OraclePolicy):
    name = "flaky"
    down = True

    def start(self, start):
        super().start(start)
        self.lost = start.task.id in ("count-1", "count-4")

    def act(self, view):
        if Flaky.down and self.lost:
            raise ModelUnavailableError("status 503: busy")
        return super().act(view)


def test_what_a_server_lost_is_collected_again_by_the_same_command_and_only_that(tmp_path, flaky):
    given = options("collect_test:Flaky", tasks=("count-1", "count-2", "count-4", "count-5"), stop_after_errors=None)
    first = collect(tmp_path / "run", given)
    assert (first.progress.tally.transport_failures, first.progress.tally.successes) == (2, 2)
    before = {found.task.id: found for found in records(tmp_path / "run")}
    assert [found.outcome.score for found in before.values()] == [None, 1.0, None, 1.0]
    flaky.down = False
    second = collect(tmp_path / "run", given)
    assert (second.progress.resumed, second.progress.tally.transport_failures) == (2, 0)
    assert second.progress.tally.successes == second.progress.tally.done == 4
    after = {found.task.id: found for found in records(tmp_path / "run")}
    assert list(after) == ["count-1", "count-2", "count-4", "count-5"]
    assert all(after[name] == before[name] for name in ("count-2", "count-5")), "finished ones are left as they are"
    assert collect(tmp_path / "run", given).progress.resumed == 4


class Broken:
    """A world whose site is down, and a policy whose model is."""

    source = staticmethod(CounterSource)

    class environment(CounterWorld):
        def reset(self, task):
            raise EnvironmentFailure("the site is down")


class BrokenPolicy(BasePolicy):
    name = "broken"

    def act(self, view):
        raise ModelError("no answer")


class Unavailable(BasePolicy):
    name = "unavailable"

    def act(self, view):
        raise ModelUnavailableError("status 500: out of memory")


@pytest.mark.parametrize(
    ("environment", "policy", "ending", "words"),
    [
        ("collect_test:Broken", "oracle", Ending.ENVIRONMENT_ERROR, "EnvironmentFailure: the site is down"),
        ("counter_world:WORLD", "collect_test:BrokenPolicy", Ending.AGENT_ERROR, "ModelError: no answer"),
        ("counter_world:WORLD", "collect_test:Unavailable", Ending.MODEL_UNAVAILABLE, "ModelUnavailableError: status"),
    ],
)
def test_a_site_or_model_that_is_down_stops_the_run(tmp_path, monkeypatch, environment, policy, ending, words):
    monkeypatch.setitem(sys.modules, "collect_test", sys.modules[__name__])
    given = CollectOptions(environment, policy, split="train", stop_after_errors=4)
    heard = []
    with pytest.raises(CollectionStoppedError, match=rf"after 4 episodes in a row .* in {ending.value} \({words}"):
        collect(tmp_path / "run", given, listener=heard.append)
    assert len(records(tmp_path / "run")) == 4
    assert [progress.first_error is None for progress in heard] == [True, False, False, False, False]
    assert heard[1].first_error.error.startswith(words), "told at once"
    never = CollectOptions(**{**vars(given), "stop_after_errors": None, "retry_errors": True})
    assert collect(tmp_path / "run", never).progress.tally.errors == 16


class Asleep(BasePolicy):
    """Its model answers where a file says so."""

    name = "asleep"

    def __init__(self, *, awake):
        self.awake = Path(awake)

    def check(self):
        if not self.awake.exists():
            raise ModelUnavailableError("asleep at http://127.0.0.1:9: connection refused")

    def act(self, view):
        self.check()
        return Decision("stop [0]")


def test_a_model_that_does_not_answer_before_the_first_episode_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "collect_test", sys.modules[__name__])
    awake = tmp_path / "awake"
    given = options(f"collect_test:Asleep:awake={awake}", limit=3)
    with pytest.raises(ModelUnavailableError, match="connection refused"):
        collect(tmp_path / "run", given)
    assert not (tmp_path / "run").exists()
    awake.touch()
    collect(tmp_path / "run", given)
    awake.unlink()
    assert collect(tmp_path / "run", given).progress.resumed == 3, "a finished run asks nobody"


def test_a_model_that_does_not_answer_changes_nothing_in_a_run_that_is_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "collect_test", sys.modules[__name__])
    awake = tmp_path / "awake"
    awake.touch()
    given = options(f"collect_test:Asleep:awake={awake}", limit=3)
    collect(tmp_path / "run", given)
    journal = tmp_path / "run" / "trajectories.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0].replace(b'"ending":"stop"', b'"ending":"model_unavailable"') + lines[1])
    before = journal.read_bytes()
    awake.unlink()
    with pytest.raises(ModelUnavailableError):
        collect(tmp_path / "run", given)
    assert journal.read_bytes() == before
    awake.touch()
    assert collect(tmp_path / "run", given).progress.resumed == 1
    assert {found.outcome.ending for found in records(tmp_path / "run")} == {Ending.STOP}


@pytest.mark.parametrize("name", ["trajectories.jsonl", "run.json", ".lock", ".lock.json"])
@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_pipes_and_sockets_in_a_run_folder_are_refused_before_they_are_opened(undisturbed, tmp_path, name, kind):
    folder = copied(undisturbed, tmp_path)
    (folder / name).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(folder / name)
    else:
        monkey = socket.socket(socket.AF_UNIX)
        here = os.open(folder, os.O_RDONLY)  # paths of sockets are short: name it by its folder
        monkey.bind(f"/proc/self/fd/{here}/{name}")
        os.close(here)
        monkey.close()
    with pytest.raises(FileError, match=r"not a regular file"):
        collect(folder, options(repeats=3))


def test_a_folder_in_the_place_of_the_journal_is_one_sentence(undisturbed, tmp_path):
    folder = copied(undisturbed, tmp_path)
    (folder / "trajectories.jsonl").unlink()
    (folder / "trajectories.jsonl").mkdir()
    for overwrite in (False, True):
        with pytest.raises(FileError, match=r"trajectories\.jsonl: "):
            collect(folder, options(repeats=3, overwrite=overwrite))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs permissions of files")
def test_a_folder_that_may_only_be_read_is_one_sentence(undisturbed):
    script = """
import os, sys
from tracewarp.collect import CollectOptions, collect
from tracewarp.errors import FileError
given = CollectOptions("counter_world:WORLD", sys.argv[2], split="train", repeats=3)
collect(sys.argv[1] + "/warm", given)  # everything is imported
if os.geteuid() == 0:
    os.setuid(65534)  # the superuser may write anywhere
try:
    collect(sys.argv[1] + "/copy", given)
except FileError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as name:
        folder = copied(undisturbed, Path(name))
        folder.chmod(0o555)
        Path(name).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", script, name, NOISY],
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "data")},
        )  # fmt: skip
        folder.chmod(0o755)
    assert done.stdout.strip() == f"{folder}: cannot be locked (Permission denied)", done.stderr


def test_a_worker_that_is_killed_loses_no_episode(tmp_path):
    killed_once = options("oracle", split="all", tasks=("die-3", "count-2", "count-5"), workers=2,
                          settings={"folder": str(tmp_path)})  # fmt: skip
    collect(tmp_path / "once", killed_once)
    assert [(found.task.id, found.outcome.score) for found in records(tmp_path / "once")] == [
        ("die-3", 1.0), ("count-2", 1.0), ("count-5", 1.0)
    ]  # fmt: skip
    always = options("oracle", split="all", tasks=("die-3", "count-2", "count-5"), workers=2)
    collect(tmp_path / "always", always)
    dead, *others = records(tmp_path / "always")
    assert (dead.outcome.ending, dead.outcome.score) == (Ending.ENVIRONMENT_ERROR, None)
    assert dead.outcome.error == "the worker process ended by signal 9, 2 times"
    assert [found.outcome.score for found in others] == [1.0, 1.0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_disk_that_takes_no_more_stops_the_run_and_loses_nothing(undisturbed, tmp_path):
    script = """
import resource, sys
from tracewarp.collect import CollectOptions, collect
from tracewarp.errors import FileError
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
try:
    collect(sys.argv[1], CollectOptions("counter_world:WORLD", sys.argv[2], split="train", repeats=3))
except FileError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run"), NOISY],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "data")},
    )  # fmt: skip
    assert "trajectories.jsonl: cannot be written (File too large); the" in done.stdout, done.stderr
    kept = records(tmp_path / "run")
    assert 5 < len(kept) < 48 and f"the {len(kept)} finished episodes are kept" in done.stdout
    assert (tmp_path / "run" / "trajectories.jsonl").read_bytes().endswith(b"\n")
    collect(tmp_path / "run", options(repeats=3))
    assert records(tmp_path / "run") == records(undisturbed)


def test_a_full_disk_is_one_sentence(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    journal = Journal(tmp_path / "trajectories.jsonl", found=lambda _: None)
    try:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, journal._file)
        os.close(full)
        with pytest.raises(FileError, match=r"cannot be written \(No space left on device\); the 0 finished"):
            journal.append(("1", 0), b"line\n")
    finally:
        journal.close()


def test_a_policy_that_does_not_suit_is_told_before_any_episode(tmp_path):
    with pytest.raises(PolicyError):
        collect(tmp_path / "run", options("no_such"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"split": "dev"}, "split: expected one of train"),
        ({"tasks": ("count-1", "count-99")}, "'count-99' is no task of the split"),
        ({"tasks": ("counter/train/nothing/1",)}, "counter has no 'nothing'"),
        ({"limit": 0}, "limit: expected an integer >= 1, got 0"),
        ({"repeats": 0}, "repeats: "),
        ({"workers": 0}, "workers: "),
        ({"seed": -1}, "seed: "),
        ({"settings": {"speed": 3}}, "speed: the environment counter_world:WORLD has no such setting; expected"),
    ],
)
def test_options_out_of_range_are_one_sentence(tmp_path, given, words):
    with pytest.raises(OptionError, match=words):
        collect(tmp_path / "run", options(**given))


def test_no_task_at_all_is_an_error(tmp_path):
    with pytest.raises(EmptyInputError, match="the split train"):
        collect(tmp_path / "run", options(settings={"n_tasks": 0}))


@pytest.mark.parametrize("name", ["areena", "no_such_module:WORLD", "counter_world:NOTHING", "counter_world:N_TASKS"])
def test_an_unknown_environment_is_one_sentence(tmp_path, name):
    with pytest.raises(OptionError, match=r"^environment"):
        collect(tmp_path / "run", CollectOptions(name, "oracle"))


def test_tasks_are_named_by_reference_or_id_in_any_order(tmp_path):
    chosen = options("oracle", tasks=("count-7", "counter/train/count/1", "count-7"))
    collect(tmp_path / "run", chosen)
    assert [found.task.id for found in records(tmp_path / "run")] == ["count-7", "count-1"]


def test_a_generated_task_that_stands_in_no_split_is_collected(tmp_path):
    collect(tmp_path / "run", options("oracle", tasks=("counter/train/count/1003",)))
    assert [found.task.id for found in records(tmp_path / "run")] == ["count-1003"]


def copied(folder, tmp_path):
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "copy"))
