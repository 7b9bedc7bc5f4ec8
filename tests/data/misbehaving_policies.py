"""Policies that misbehave, each in its own way: `--policy misbehaving_policies:NAME`."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from tracewarp.collect import BasePolicy, Decision

GOOD = "stop [1]"


class Raises(BasePolicy):
    """Its message holds control characters and half a character."""

    name = "raises"

    def act(self, view: Any) -> Any:
        raise ValueError("a bug \x1b[2J\x1b]0;owned\x07 in line \ud83d 7")


class RaisesAtStart(Raises):
    name = "raises-at-start"

    def start(self, start: Any) -> None:
        raise LookupError("no plan for this task")


class Nothing(BasePolicy):
    name = "nothing"

    def act(self, view: Any) -> Any:
        return None


class Number(BasePolicy):
    name = "number"

    def act(self, view: Any) -> Any:
        return Decision(7)  # type: ignore[arg-type]


class OddFields(BasePolicy):
    name = "odd-fields"

    def act(self, view: Any) -> Any:
        return Decision(GOOD, prompt_tokens="many", extra={"x": object()})  # type: ignore[arg-type]


class Leaves(BasePolicy):
    """Ends itself as a script would."""

    name = "leaves"

    def act(self, view: Any) -> Any:
        sys.exit(3)


class KillsItsProcess(BasePolicy):
    name = "kills-its-process"

    def act(self, view: Any) -> Any:
        os._exit(3)


class Endless(BasePolicy):
    """A hundred megabytes of answer."""

    name = "endless"

    def act(self, view: Any) -> Any:
        return Decision(GOOD, response="a" * 100_000_000)


class Nested(BasePolicy):
    """What it wants kept has no end."""

    name = "nested"

    def act(self, view: Any) -> Any:
        extra: dict[str, Any] = {"digits": 10**6000}
        extra["self"] = extra
        return Decision(GOOD, extra=extra)


class HalfCharacters(BasePolicy):
    name = "half-characters \ud83d"

    def act(self, view: Any) -> Any:
        return Decision("stop [1\ud83d]", response="I say \ud83d", extra={"\ud83d": "\ud83d"})


class Slow(BasePolicy):
    name = "slow"

    def act(self, view: Any) -> Any:
        time.sleep(0.2)
        return Decision("add [1]" if view.step % 2 else "back")


class DescribesNothing(BasePolicy):
    name = "describes-nothing"

    def describe(self) -> Any:
        raise OSError("no settings here")

    def act(self, view: Any) -> Any:
        return Decision(GOOD)


class CannotBeMade(BasePolicy):
    name = "cannot-be-made"

    def __init__(self) -> None:
        raise RuntimeError("no such device")


class CannotClose(BasePolicy):
    name = "cannot-close"

    def act(self, view: Any) -> Any:
        return Decision(GOOD)

    def close(self) -> None:
        raise OSError("cannot be closed")


class MovesAway(BasePolicy):
    """Changes the working directory, to which the run folder is relative."""

    name = "moves-away"

    def act(self, view: Any) -> Any:
        os.chdir("/")
        return Decision(GOOD)


class LeavesAThread(BasePolicy):
    """Its thread outlives the worker process, which therefore does not end by itself."""

    name = "leaves-a-thread"

    def act(self, view: Any) -> Any:
        threading.Thread(target=time.sleep, args=(3600,)).start()
        return Decision(GOOD)
