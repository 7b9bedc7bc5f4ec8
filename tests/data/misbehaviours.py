"""Every way in which a model or a policy of the tests misbehaves, through whole collections; and the table of them.

    PYTHONPATH=tests/data python tests/data/misbehaviours.py > table.md

Each case is a command `tracewarp collect`, then `show` and `evaluate` on what it left. What is expected stands here;
the table holds what was really said.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from misbehaving_server import misbehaving_server

import tracewarp as tracewarp_package
from tracewarp.cli import main
from tracewarp.trajectory import Trajectory, open_run

DATA = Path(__file__).parent
N_TASKS = 4
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]")
"""What no terminal may receive from a model, a page or a policy."""
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """One way to misbehave, and what is to come of it."""

    words: str
    policy: str
    """A model's name (`model ...`), or a policy."""
    says: str
    """A pattern in what `collect` says on stderr."""
    endings: dict[str, int] = field(default_factory=dict, hash=False)
    """Ending -> episodes; nothing: nothing was collected."""
    code: int = 0
    """Exit code of `collect`."""
    score: float | None = 0.0
    """Of every episode."""
    shows: str = ""
    """A pattern in what `show` says of the first task."""
    evaluates: str = ""
    """A pattern in what `evaluate` says."""
    options: tuple[str, ...] = ()
    alone: bool = False
    """It changes the process, or is heard through the process's own log."""

    @property
    def name(self) -> str:
        """For tests."""
        return re.sub(r"\W+", "-", self.words)


def unanswered(words: str, model: str, says: str) -> Case:
    """A model that does not even answer the first request."""
    return Case(words, f"model {model}", rf"^Error: {model} at http://127\.0\.0\.1:\d+/v1: {says}", code=1)


TRANSPORT_NOTE = "ended by a failure of the model server or the environment"
AGENT_NOTE = "4 agent failures"
NOTE = r"\d+ episodes? ended by [^;:]*|\d+ agent failures"
CASES = (
    Case("nothing listens there", "model nobody@9", "^Error: nobody at http://127.0.0.1:9/v1: could not be", code=1),
    unanswered("status 401", "unauthorized-always", "refused with status 401: Incorrect API key provided"),
    unanswered("status 403", "forbidden-always", "refused with status 403: Your country is not supported"),
    unanswered("status 404, no such model", "no-such-model-always", "refused with status 404: The model `no-such"),
    unanswered("status 429 without an end", "rate-limited-always", "status 429: You exceeded your quota, 2 times"),
    unanswered("status 500 without an end", "broken-always", "status 500: CUDA error: out of memory, 2 times"),
    unanswered("an error in a 200", "error-in-200-always", ".*Provider returned error: no credits"),
    unanswered("a page of HTML in a 200", "html-always", ".*502 Bad Gateway"),
    unanswered("no choices", "no-choices-always", "the answer is not a chat completion"),
    unanswered("bytes that are no text", "garbage-always", "the answer is not a chat completion"),
    unanswered("a byte now and then", "trickles-always", "no (whole )?answer within 1 s, 2 times"),
    unanswered("the connection ends in the middle", "drops-always", "could not be reached"),
    Case(
        "answers 3 requests, then dies", "model dies-after-3", "First error: model_unavailable in task count-5, repeat "
        "0: ModelUnavailableError: dies-after-3 at .*: status 500: CUDA error: out of memory, 2 times",
        {"stop": 3, "model_unavailable": 1}, score=None, evaluates=rf"1 episode {TRANSPORT_NOTE}.*1 model_unavailable",
    ),
    Case("status 503 twice, then well", "model recovers", "4 of 4 episodes", {"stop": 4}),
    Case(
        "a context that is too long", "model context-too-long", "all 4 episodes ended in an error",
        {"agent_error": 4}, code=1, shows="maximum context length is 4096 tokens",
    ),
    Case(
        "an answer of 12 MB", "model twelve-megabytes", "all 4 episodes ended in an error",
        {"agent_error": 4}, code=1, shows="the answer is longer than 10,000,000 bytes",
    ),
    Case(
        "a refusal with control characters", "model control-characters", "bad.{1,30}request .txt",
        {"agent_error": 4}, code=1, shows="bad.*request",
    ),
    Case("content is null", "model content-null", "4 of 4", {"parse_failures": 4}, shows="no action could be parsed"),
    Case("content in parts", "model content-in-parts", "4 of 4", {"stop": 4}, shows=r"> stop \[1\]"),
    Case(
        "nothing but thoughts", "model thinks-only", "4 of 4", {"parse_failures": 4},
        shows=r"\(thinking\) Perhaps[\s\S]*no action could be parsed",
    ),
    Case(
        "a thought that is cut at the limit", "model thinks-until-the-limit", "24 answers cut at max_new_tokens",
        {"parse_failures": 4}, shows=r"2 of 2 answers were cut at max_new_tokens\)[\s\S]*6 of the model's answers",
    ),
    Case("half characters", "model half-characters", "4 of 4", {"stop": 4}, shows="> stop \\[1\ufffd\\]"),
    Case("turns and escape codes in the answer", "model forged-turns", "4 of 4", {"stop": 4}, shows=r"> stop \[1\]"),
    Case("odd token counts", "model odd-usage", "4 of 4", {"stop": 4}, shows=r"> stop \[1\]"),
    Case(
        "the policy raises", "Raises", "First error: agent_error in task count-1, repeat 0: ValueError: a bug",
        {"agent_error": 4}, code=1, shows=r"Traceback[\s\S]*misbehaving_policies.py[\s\S]*raise ValueError",
    ),
    Case(
        "the policy raises when an episode begins", "RaisesAtStart", "LookupError: no plan for this task",
        {"agent_error": 4}, code=1, shows="no plan for this task",
    ),
    Case(
        "the policy returns None", "Nothing", "expected a Decision from act, got NoneType", {"agent_error": 4}, code=1,
        shows="expected a Decision from act, got NoneType",
    ),
    Case(
        "the action is a number", "Number", "expected the action as text or None, got int", {"agent_error": 4}, code=1,
    ),
    Case(
        "other fields of wrong types", "OddFields", "expected prompt_tokens as an integer", {"agent_error": 4}, code=1,
    ),
    Case("the policy calls sys.exit", "Leaves", "SystemExit: 3", {"agent_error": 4}, code=1, shows=r"sys\.exit\(3\)"),
    Case(
        "the policy ends its process", "KillsItsProcess",
        "agent_error in task count-., repeat 0: the policy ended the worker process by exit code 3, 2 times",
        {"agent_error": 4}, code=1, options=("--workers", "2"), shows="ended the worker process by exit code 3",
    ),
    Case(
        "an answer of 100 MB from the policy", "Endless", "at most 1,000,000 characters, got 100,000,000",
        {"agent_error": 4}, code=1,
    ),
    Case("what is kept has no end", "Nested", "4 of 4", {"stop": 4}),
    Case("half characters from the policy", "HalfCharacters", "4 of 4", {"stop": 4}, shows="> stop \\[1\ufffd\\]"),
    Case("slower than its time", "Slow", "4 of 4", {"time_limit": 4}, options=("--max-seconds", "0.3")),
    Case("describe() raises", "DescribesNothing", "^Error: .*describe\\(\\) failed: OSError: no settings here", code=2),
    Case("the policy cannot be made", "CannotBeMade", "^Error: .*cannot be made: RuntimeError: no such device", code=2),
    Case("close() raises", "CannotClose", "close\\(\\) failed: OSError: cannot be closed", {"stop": 4}, alone=True),
    Case("the policy changes the working directory", "MovesAway", "4 of 4", {"stop": 4}, alone=True),
    Case("a thread outlives the worker", "LeavesAThread", "4 of 4", {"stop": 4}, options=("--workers", "2")),
    Case("no policy of that name", "NoSuchPolicy", "^Error: .*has no NoSuchPolicy", code=2),
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What one command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Found:
    """What became of a case."""

    collect: Said
    show: Said
    evaluate: Said
    episodes: tuple[Trajectory, ...]


def tracewarp(*words: str) -> Said:
    """The command line, in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as left:
            code = int(left.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def alone(folder: Path, *words: str) -> Said:
    """The command line in a process of its own, with the folder as its working directory."""
    paths = (str(DATA), str(Path(tracewarp_package.__file__).parents[1]))
    done = subprocess.run(
        [sys.executable, "-m", "tracewarp", *words], cwd=folder, capture_output=True, timeout=TIMEOUT_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return Said(done.returncode, out, err)


def policy_text(case: Case, url: str) -> str:
    """As `--policy` takes it."""
    kind, _, model = case.policy.partition(" ")
    if kind != "model":
        return f"misbehaving_policies:{case.policy}"
    model, at, port = model.partition("@")
    address = f"http://127.0.0.1:{port}/v1" if at else url
    return f"model:name=openai:{model},base_url={address},retries={2 if model == 'recovers' else 1},timeout_seconds=1"


def run(case: Case, folder: Path, url: str) -> Found:
    """Collect, show and evaluate."""
    folder = folder / "run"
    words = (
        "collect", "--env", "counter_world:WORLD", "--split", "train", "--limit", str(N_TASKS), "--policy",
        policy_text(case, url), *case.options, "--out",
    )  # fmt: skip
    collected = alone(folder.parent, *words, "run") if case.alone else tracewarp(*words, str(folder))
    shown = tracewarp("show", str(folder), "count-1")
    evaluated = tracewarp("evaluate", str(folder), "--out", str(folder.parent / "scores"))
    episodes = tuple(open_run(folder, strict=True)) if folder.exists() else ()
    return Found(collected, shown, evaluated, episodes)


def table(found: dict[Case, Found]) -> str:
    """All cases in Markdown."""
    lines = ["| case | record | `collect` (exit code) | `show` | `evaluate` |", "|---|---|---|---|---|"]
    for case, this in found.items():
        endings: dict[str, int] = {}
        for episode in this.episodes:
            score = episode.outcome.score
            words = f"{episode.outcome.ending.value}, {'no score' if score is None else f'score {score:g}'}"
            endings[words] = endings.get(words, 0) + 1
        record = "; ".join(f"{count} × {words}" for words, count in endings.items()) or "nothing collected"
        says = f"{matched(case.says, this.collect.err)} ({this.collect.code})"
        shows = matched(case.shows, this.show.out) if case.shows and this.episodes else last_line(this.show)
        cells = (case.words, record, says, shows, verdict(this.evaluate))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def matched(pattern: str, text: str) -> str:
    """The line that a pattern is found in."""
    line = next((line for line in text.splitlines() if re.search(pattern, line)), None)
    return shortened(line) if line is not None else shortened(" … ".join(text.splitlines()[-2:]))


def last_line(said: Said) -> str:
    """What a command says at last."""
    return shortened(said.out.splitlines()[-1]) if said.code == 0 else "no run"


def verdict(said: Said) -> str:
    """The success that `evaluate` tells, and what it says of failures."""
    if said.code != 0:
        return "no run"
    text = " ".join(said.out.split())
    found = [re.search(pattern, text) for pattern in (r"Success rate \S+ %", NOTE)]
    return "; ".join(match[0] for match in found if match)


def shortened(text: str) -> str:
    """For a cell."""
    text = re.sub(r"127\.0\.0\.1:\d{2,}", "127.0.0.1:PORT", " ".join(text.split()))
    text = re.sub(r"\(/\S*/", "(", text)
    return text if len(text) <= 180 else f"{text[:179]}…"


if __name__ == "__main__":
    results = {}
    with misbehaving_server() as server:
        for case in CASES:
            with tempfile.TemporaryDirectory() as name:
                results[case] = run(case, Path(name), server.url)
    print(table(results))
