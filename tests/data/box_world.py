"""A tiny world for tests of self-improvement: fetch what is in a box, in three steps of web actions.

Small enough that a model of two layers learns it in seconds: the box's word decides every action.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from tracewarp.envs.base import Capability, EnvSpec, Observation, StepResult, TaskRef
from tracewarp.envs.web.actions import ActionSyntaxError, parse_action
from tracewarp.envs.web.sites import SiteMap
from tracewarp.errors import OptionError
from tracewarp.trajectory import Task

BOXES = {"red": "key", "blue": "map", "green": "cup", "white": "pen", "yellow": "ring", "olive": "coin"}
"""Word of the box -> what is in it."""
MISSING = "pink"
"""There is no such box: the right answer is N/A."""
PHRASES = {"fetch": "Fetch from {}", "see": "See into {}", "ask": "Ask of {}", "find": "Find in {}"}
N_TRAIN, N_TEST, N_OTHER = 36, 21, 24


class BoxSource:
    """`train` and `test` are instances of `fetch`, `see` and `ask`; `other` of `find` alone."""

    splits = ("train", "test", "other")
    sites = SiteMap({"__BOXES__": "http://127.0.0.1:7770"}, public={"__BOXES__": "http://www.boxes.test"})

    def __init__(self) -> None:
        keys = ("fetch", "see", "ask")
        refs = [TaskRef("boxes", "train", keys[i % 3], i) for i in range(N_TRAIN)]
        refs += [TaskRef("boxes", "test", keys[i % 3], 100 + i) for i in range(N_TEST)]
        self.refs = (*refs, *(TaskRef("boxes", "other", "find", 200 + i) for i in range(N_OTHER)))

    def __iter__(self) -> Iterator[TaskRef]:
        return iter(self.refs)

    def __len__(self) -> int:
        return len(self.refs)

    def split(self, name: str) -> tuple[TaskRef, ...]:
        if name != "all" and name not in self.splits:
            raise OptionError(f"split: expected one of {', '.join(self.splits)} or all, got {name!r}")
        return tuple(ref for ref in self.refs if name in ("all", ref.split))

    def task(self, ref: TaskRef) -> Task:
        wanted = BOXES.get(box(ref), "N/A")
        answers = {"fuzzy_match": "N/A"} if wanted == "N/A" else {"exact_match": wanted}
        return Task(
            id=f"{ref.key}-{ref.seed}",
            objective=objective(ref),
            sites=("boxes",),
            start_url=f"__BOXES__/{ref.seed}",  # each task begins somewhere else, so that none is another one
            template=PHRASES[ref.key].format("{{box}}"),
            template_id=str(list(PHRASES).index(ref.key)),
            extra={"eval": {"reference_answers": answers}},
        )


def box(ref: TaskRef) -> str:
    """Every seventh task asks for the box that is not there."""
    number = ref.seed // 3
    return MISSING if number % 7 == 6 else list(BOXES)[number % 6]


def objective(ref: TaskRef) -> str:
    return PHRASES[ref.key].format(box(ref))


def link(word: str) -> int:
    """The id of a box's link, the same on every page."""
    return 2 + list(BOXES).index(word)


class BoxWorld:
    def __init__(self) -> None:
        self.ref: TaskRef | None = None

    @property
    def spec(self) -> EnvSpec:
        return EnvSpec(
            name="boxes",
            driver="tests",
            grammar="`click [id]`, `stop [answer]`",
            step_budget=6,
            success="the answer is what is in the box",
            capabilities=frozenset({Capability.ORACLE, Capability.DETERMINISTIC}),
        )

    def reset(self, task: TaskRef) -> Observation:
        self.ref, self.at, self.open = task, None, False
        return self.seen()

    def seen(self) -> Observation:
        assert self.ref is not None
        if self.at is None:
            text = " ".join(f"[{link(word)}] {word}" for word in BOXES)
        else:
            text = f"{self.at} box, " + (f"{BOXES[self.at]} inside" if self.open else "[9] lid")
        return Observation(text=text, instruction=objective(self.ref), url="http://boxes.test/", title="Boxes")

    def step(self, action: str) -> StepResult:
        if self.ref is None:
            raise OptionError("step: reset first")
        try:
            read = parse_action(action)
        except ActionSyntaxError as error:
            return StepResult(self.seen(), valid=False, unreadable=True, error=str(error))
        if read.verb == "stop":
            return self.end(read.text or "")
        wanted = action.strip()
        if self.at is None and wanted in (links := {f"click [{link(word)}]": word for word in BOXES}):
            self.at = links[wanted]
        elif self.at is not None and not self.open and wanted == "click [9]":
            self.open = True
        else:
            return StepResult(self.seen(), valid=False, error=f"nothing to carry {action[:40]!r} out on")
        return StepResult(self.seen(), valid=True)

    def end(self, answer: str) -> StepResult:
        assert self.ref is not None
        word = box(self.ref)
        right = answer == "N/A" if word == MISSING else answer == BOXES[word] and self.at == word and self.open
        observation, evidence = self.seen(), {"answer": answer, "box": self.at}
        self.ref = None
        return StepResult(
            observation,
            reward=float(right),
            score=float(right),
            success=right,
            terminated=True,
            valid=True,
            info={"evidence": evidence},
        )

    def oracle_action(self) -> str:
        assert self.ref is not None
        word = box(self.ref)
        if word == MISSING:
            return "stop [N/A]"
        if self.at is None:
            return f"click [{link(word)}]"
        return f"stop [{BOXES[word]}]" if self.open else "click [9]"

    def close(self) -> None:
        self.ref = None

    def __enter__(self) -> BoxWorld:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WORLD:
    """`--env box_world:WORLD`."""

    source = BoxSource
    environment = BoxWorld
