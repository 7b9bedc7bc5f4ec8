"""What a model is trained on: in-domain examples, out-of-domain ones, or both, split for validation without leaks.

definition  A = in-domain; B = in-domain and as many out-of-domain, validated on in-domain only; C = out-of-domain only,
            as many as A has. Split 90 : 10 by group (task), so that no task is on both sides.
source      Patel et al. 2024, sections 2 and 4.2; the split by group is ours (the paper splits examples); groups that
            share a prompt are one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.synthesize.dice import rank
from tracewarp.synthesize.examples import Example
from tracewarp.synthesize.sameness import merged

MIXTURES: Final = {
    "A": "in-domain examples",
    "B": "in-domain examples and as many out-of-domain ones; validation in-domain only",
    "C": "as many out-of-domain examples as A has in-domain ones",
}


@dataclass(frozen=True, slots=True)
class Mixture:
    """The two sides of a training set."""

    name: str
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    seed: int


def mix(
    name: str,
    in_domain: Sequence[Example],
    out_of_domain: Sequence[Example] = (),
    *,
    validation_share: float = 0.1,
    seed: int = 0,
) -> Mixture:
    """Put a training set together.

    Args:
        name: `A`, `B` or `C`.
        in_domain: kept and balanced examples of the agent's own trajectories.
        out_of_domain: generated ones, in the order of their numbers.
        validation_share: in (0, 1), of groups.
        seed: of the split.

    Raises:
        OptionError: another name, or a share outside (0, 1).
        EmptyInputError: too few examples for the mixture.
    """
    if name not in MIXTURES:
        raise OptionError(f"mixture: expected one of {', '.join(MIXTURES)}, got {name!r}")
    if not 0 < validation_share < 1:
        raise OptionError(f"validation_share: expected a number in (0, 1), got {validation_share}")
    wanted = len(in_domain)
    if name != "A" and len(out_of_domain) < wanted:
        raise EmptyInputError(
            f"mixture {name}: expected as many out-of-domain examples as in-domain ones ({wanted}), got "
            f"{len(out_of_domain)}; generate more, or choose mixture A"
        )
    generated = tuple(out_of_domain[:wanted])
    if name == "A":
        train, validation = split_by_group(in_domain, validation_share=validation_share, seed=seed)
    elif name == "B":
        train, validation = split_by_group(in_domain, validation_share=validation_share, seed=seed)
        train = (*train, *generated)
    else:
        train, validation = split_by_group(generated, validation_share=validation_share, seed=seed)
    return Mixture(name, train, validation, seed)


def split_by_group(
    examples: Sequence[Example], *, validation_share: float = 0.1, seed: int = 0
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Split examples so that those of one group stay together, at least one group on each side.

    Groups with a prompt in common are one group, so that no prompt is on both sides: what was trained on validates
    nothing.

    Raises:
        EmptyInputError: fewer than two groups.
    """
    names = [(("group", one.group), *((("prompt", one.prompt),) if one.prompt else ())) for one in examples]
    first = merged(names)
    group_of = [examples[index].group for index in first]
    groups = sorted(set(group_of), key=lambda group: rank(seed, group))
    if len(groups) < 2:
        raise EmptyInputError(
            f"examples: expected those of at least 2 tasks, one for training and one for validation, got "
            f"{len(examples)} of {len(groups)}"
        )
    held = set(groups[: max(1, round(validation_share * len(groups)))])
    sides = list(zip(examples, group_of, strict=True))
    train = tuple(example for example, group in sides if group not in held)
    return train, tuple(example for example, group in sides if group in held)
