"""Nothing that is tested is learnt from: the tasks themselves are compared, not the names of their splits."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from tracewarp.envs.base import TaskRef, TaskSource
from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.improve.options import ImproveOptions
from tracewarp.synthesize.sameness import identities

SHOWN_TASKS = 3


def chosen_tasks(source: TaskSource, options: ImproveOptions) -> tuple[Sequence[TaskRef], Sequence[TaskRef]]:
    """Return the training tasks and the test tasks of an improvement, which have none in common.

    Two tasks are the same if their references differ in the split alone, or if `synthesize.sameness` says so.

    Raises:
        OptionError: an unknown split, or tasks in common; the message says how many.
        EmptyInputError: a split without tasks.
    """
    train, test = (
        source.split(split)[:limit]
        for split, limit in ((options.train_split, options.train_limit), (options.test_split, options.test_limit))
    )
    for split, refs in ((options.train_split, train), (options.test_split, test)):
        if not refs:
            raise EmptyInputError(f"tasks: the split {split} of {options.environment} has none")
    learnt = {name for ref in train for name in _names(source, ref)}
    both = [ref for ref in test if not learnt.isdisjoint(_names(source, ref))]
    if both:
        examples = ", ".join(str(ref) for ref in both[:SHOWN_TASKS])
        more = f" and {len(both) - SHOWN_TASKS:,} more" if len(both) > SHOWN_TASKS else ""
        raise OptionError(
            f"test_split: {len(both):,} of the {len(test):,} test tasks of {options.test_split!r} are also among the "
            f"{len(train):,} training tasks of {options.train_split!r} ({examples}{more}); choose two splits without a "
            f"task in common, of {', '.join(source.splits)}"
        )
    return train, test


def _names(source: TaskSource, ref: TaskRef) -> tuple[Hashable, ...]:
    return (("ref", ref.env, ref.key, ref.seed, ref.params), *identities(source.task(ref)))
