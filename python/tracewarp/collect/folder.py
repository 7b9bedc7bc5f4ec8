"""A run folder while it is collected: lock, run.json and the journal of episodes belong together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

import tracewarp
from tracewarp.collect.journal import Journal
from tracewarp.collect.lock import RunLock
from tracewarp.collect.record import now
from tracewarp.errors import FileError, RunMismatchError
from tracewarp.trajectory import Trajectory
from tracewarp.trajectory.paths import require_regular_file
from tracewarp.trajectory.run_info import RUN_INFO, RunInfo, Session, read_run_info, write_run_info

EPISODES = "trajectories.jsonl"
_PACKAGES = ("tracewarp", "selectolax", "playwright", "httpx", "torch", "transformers")
_SHOWN_CHARS = 60


class RunFolder:
    """The folder of a run, locked and open.

    A run that is there goes on, with the run.json that it has.

    Args:
        path: made where it is missing.
        info: what run.json says of a new run, and whose `config` an older one must share.
        overwrite: begin anew where a run is there.
        found: hears every episode that is already there.

    Raises (on entering):
        RunLockedError: another process collects into it.
        RunMismatchError: it was begun with other settings; the message names the first that differs.
        FileError: a file in it cannot be read or written, or is of something else.
    """

    def __init__(
        self, path: Path, info: RunInfo, *, overwrite: bool = False, found: Callable[[Trajectory], None]
    ) -> None:
        self.path = path
        self.info = info
        self.overwrite = overwrite
        self.journal: Journal
        self._found = found
        self._open = ExitStack()

    def __enter__(self) -> RunFolder:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"{self.path}: the folder cannot be made ({error.strerror or error})") from None
        with ExitStack() as opening:
            for name in (EPISODES, RUN_INFO):
                require_regular_file(self.path / name, missing_ok=True)
            opening.enter_context(RunLock(self.path))
            self._tidy()
            before = None if self.overwrite else read_run_info(self.path)
            if before is not None:
                _check_same(self.path, before.config, self.info.config)
                self.info = before
            elif any((self.path / name).exists() for name in (EPISODES, RUN_INFO)):
                raise RunMismatchError(
                    f"{self.path}: it holds {EPISODES} or {RUN_INFO} of another origin; choose another folder"
                )
            else:
                # Before the journal: a kill in between leaves a folder that says how it is to go on.
                write_run_info(self.info, self.path)
            self.journal = Journal(self.path / EPISODES, found=self._found)
            opening.callback(self.journal.close)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def begin(self, this: Session) -> None:
        """Somebody is about to collect: say so in run.json."""
        self._tell(finished_at=None, sessions=(*self.info.sessions, this))

    def finish(self, order: list[tuple[str, int]]) -> None:
        """All is there: put the episodes into order, and say when it was finished."""
        self.journal.arrange(order)
        if self.info.finished_at is None:
            self._tell(finished_at=now())

    def _tell(self, **update: Any) -> None:
        self.info = self.info.model_copy(update=update)
        write_run_info(self.info, self.path)

    def _tidy(self) -> None:
        """Remove what a killed collector left beside the files, and the whole run where it is to begin anew."""
        for name in (EPISODES, RUN_INFO):
            gone = [*self.path.glob(f".{name}.*.tmp"), *([self.path / name] if self.overwrite else ())]
            for path in gone:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise FileError(f"{path}: cannot be removed ({error.strerror or error})") from None


def session(workers: int) -> Session:
    """What run.json says about this time of collecting."""
    versions = {"python": sys.version.split()[0], "platform": sys.platform}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return Session(started_at=now(), workers=workers, versions=versions, source=_checkout())


def _checkout() -> dict[str, Any] | None:
    """Commit of the checkout that tracewarp runs from; None where it is installed, or git is not there."""
    here = Path(tracewarp.__file__)

    def git(*words: str) -> str:
        done = subprocess.run(  # noqa: S603 (fixed words)
            ["git", "-C", str(here.parent), *words],  # noqa: S607 (whichever git the user has)
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # an environment may lie inside somebody's own checkout
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.SubprocessError):
        return None


def _check_same(folder: Path, before: Mapping[str, Any], now_given: Mapping[str, Any]) -> None:
    difference = _first_difference(before, json.loads(json.dumps(now_given)))
    if difference is not None:
        name, old, new = difference
        raise RunMismatchError(
            f"{folder}: it was begun with {name} = {_shown(old)}, now it is {_shown(new)}; "
            "give the same settings to go on, choose another folder, or begin anew with --overwrite"
        )


def _first_difference(before: Any, after: Any, name: str = "") -> tuple[str, Any, Any] | None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            found = _first_difference(before.get(key), after.get(key), f"{name}.{key}" if name else str(key))
            if found is not None:
                return found
        return None
    return None if before == after else (name, before, after)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
