"""MiniWoB++'s tasks: each page with any number of instances, told apart by their seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tracewarp.envs.base import TaskRef
from tracewarp.envs.miniwob.pages import pages_folder
from tracewarp.envs.miniwob.solutions import ONE_INSTANCE, SOLUTIONS, Acts, Page
from tracewarp.envs.web.driver import Session
from tracewarp.envs.web.oracle import Act
from tracewarp.envs.web.sites import SiteMap
from tracewarp.errors import OptionError
from tracewarp.trajectory import Task

NAME = "miniwob"
HOST = "miniwob.test"
"""The browser finds the pages under this name (`.test` is reserved: no such host exists), so that addresses in records
do not depend on a port."""

FIRST_SEEDS = {"test": 0, "train": 1_000_000}
"""Split -> seed of its first instance; far apart, so that no instance is in both. The split is MiniWoB++'s data mode,
too: five tasks word their instructions otherwise in `test`."""

NO_TASKS = frozenset({"button-delay", "chase-circle", "hover-shape", "moving-items", "simon-says"})
"""Pages that lie beside the others and that MiniWoB++ registers no environment for."""


class MiniWobSource:
    """Every task in both splits, in the order of their names (a `WebTaskSource`).

    What a task asks for is made by its page: a record gets its objective when the episode begins.
    """

    name = NAME
    licence = "MIT (MiniWoB++: OpenAI, Stanford University, Farama Foundation)"
    deterministic = False
    """Some pages move by themselves (stock-market, ...), and none holds still for a clock."""
    has_oracle = False
    """No solution is a fixed list of acts: `MiniWobEnvironment` makes them as the pages come."""

    def __init__(self, *, instances: int = 1, pages: str | Path | None = None) -> None:
        """Find the tasks.

        Args:
            instances: of every task in every split.
            pages: MiniWoB++'s folder `html`; None: the installed package's.

        Raises:
            OptionError: fewer than one instance, more than fit between the splits' seeds, or a folder without pages.
            MissingExtraError: MiniWoB++ is not installed.
        """
        if isinstance(instances, bool) or not isinstance(instances, int) or not 1 <= instances <= 1_000_000:
            raise OptionError(f"instances: expected an integer in 1..1000000, got {instances!r}")
        files = sorted(pages_folder(pages).glob("miniwob/*.html"), key=lambda file: file.stem)
        self.keys = tuple(file.stem for file in files if file.stem not in NO_TASKS)
        """Names of the tasks, such as `click-test`."""
        self.instances = instances
        self.sites = SiteMap()

    @property
    def splits(self) -> tuple[str, ...]:
        """`test` and `train`."""
        return tuple(FIRST_SEEDS)

    def __iter__(self) -> Iterator[TaskRef]:
        for name in FIRST_SEEDS:
            yield from self.split(name)

    def __len__(self) -> int:
        return len(FIRST_SEEDS) * len(self.keys) * self.instances

    def split(self, name: str) -> tuple[TaskRef, ...]:
        """The tasks of one split; `all` is every task.

        Raises:
            OptionError: an unknown split.
        """
        if name == "all":
            return tuple(self)
        if name not in FIRST_SEEDS:
            raise OptionError(f"split: expected all or one of {', '.join(FIRST_SEEDS)}, got {name!r}")
        first = FIRST_SEEDS[name]
        return tuple(TaskRef(NAME, name, key, first + n) for key in self.keys for n in range(self.instances))

    def solvable(self, name: str) -> tuple[TaskRef, ...]:
        """The tasks of one split whose solution is known; `all` is every one.

        Raises:
            OptionError: an unknown split.
        """
        return tuple(ref for ref in self.split(name) if solution_of(ref) is not None)

    def task(self, ref: TaskRef) -> Task:
        """What is known of a task before its page is open. Any seed is an instance, listed or not.

        Raises:
            OptionError: a task that is not there.
        """
        if ref.env != NAME or ref.split not in FIRST_SEEDS or ref.key not in self.keys or ref.params:
            raise OptionError(
                f"task: no {str(ref)!r} in MiniWoB++; expected such as {NAME}/test/{self.keys[0]}/0, one of its "
                f"{len(self.keys)} tasks in {' or '.join(FIRST_SEEDS)} with any seed"
            )
        return Task(
            id=f"{ref.key}.{ref.seed}",
            sites=(NAME,),
            start_url=self.address(ref),
            template=ref.key.replace("-", " "),
            template_id=ref.key,
            capability=ref.key,
        )

    def address(self, ref: TaskRef) -> str:
        """Of the task's page."""
        return f"http://{HOST}/miniwob/{ref.key}.html"

    def session(self, ref: TaskRef) -> Session:
        """The task's page, and nothing else to go to."""
        return Session(start_urls=(self.address(ref),), allowed_origins=(f"http://{HOST}",))

    def release(self, session: Session) -> None:
        """Nothing is kept for an episode."""

    def oracle(self, ref: TaskRef) -> tuple[Act, ...]:
        """No solution is a fixed list.

        Raises:
            OptionError: always; see `has_oracle`.
        """
        raise OptionError(f"task: {NAME} has no fixed solution of {str(ref)!r}; ask the environment's oracle_action")


def solution_of(ref: TaskRef) -> Callable[[Page], Acts] | None:
    """What solves a task; None: no solution is known."""
    known = ref.seed == 0 or ref.key not in ONE_INSTANCE
    return SOLUTIONS.get(ref.key) if known else None
