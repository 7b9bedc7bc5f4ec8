"""Out-of-domain examples, written by the model itself: wave by wave, resumable, every refusal counted."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import EmptyInputError, RunMismatchError
from tracewarp.metrics import DiversityFilter
from tracewarp.models import Model
from tracewarp.synthesize.examples import Example, Turn, write_examples
from tracewarp.synthesize.out_of_domain.reading import Moment
from tracewarp.synthesize.out_of_domain.settings import GenerationSettings
from tracewarp.synthesize.out_of_domain.stages import Agent, Candidate, Shot, Stages
from tracewarp.trajectory.json_files import read_json, read_json_object
from tracewarp.trajectory.paths import require_regular_file
from tracewarp.trajectory.write import beside, make_folder

Progress = Callable[[int, int], None]
"""Called with (examples so far, candidates so far)."""


class Encoder(Protocol):
    """Embeds objectives."""

    dim: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts into rows of shape (n, dim)."""
        ...


class FormatPrompt(Protocol):
    """Stage 7: the agent's own prompt of a moment."""

    def __call__(self, *, objective: str, page: str, address: str, previous_action: str | None) -> tuple[Turn, ...]:
        """The chat that asks for the next action."""
        ...


@dataclass(frozen=True, slots=True)
class Generated:
    """What came out."""

    examples: tuple[Example, ...]
    candidates: int
    """How many were begun."""
    refusals: dict[str, int]
    """`stage:reason` -> answers that were refused."""
    lost: dict[str, int]
    """Stage -> candidates that were given up there."""
    settings: GenerationSettings

    @property
    def complete(self) -> bool:
        """Are there as many examples as were wanted?"""
        return len(self.examples) >= self.settings.n


def generate_out_of_domain(
    model: Model,
    settings: GenerationSettings,
    *,
    tasks: Sequence[Shot],
    examples: Sequence[Example],
    agent: Agent,
    encoder: Encoder,
    format_prompt: FormatPrompt,
    out: str | os.PathLike[str],
    taken_hosts: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> Generated:
    """Generate examples until there are `settings.n`, or `settings.most_candidates` candidates were tried.

    Args:
        model: that writes; seeds depend on the candidate alone, so that a run that was killed gives the same examples.
        settings: how many, and how.
        tasks: objectives with hosts, to start from; at least one.
        examples: kept in-domain examples, at least one of each place (shots).
        agent: whose examples they become.
        encoder: embeds objectives for the diversity filter.
        format_prompt: the agent's own prompt.
        out: folder: a file a finished wave, `examples.jsonl` and `summary.json` at the end.
        taken_hosts: of sites that no example may be of, beside those of `tasks`.
        progress: called after every wave.

    Raises:
        EmptyInputError: nothing to draw shots from.
        RunMismatchError: the folder was begun with other settings.
        ModelError: the model gives no answer; what is finished is kept.
    """
    if not tasks:
        raise EmptyInputError("tasks: expected at least one objective to start from, got none")
    missing = [place for place in ("first", "intermediate", "last") if not any(e.place == place for e in examples)]
    if missing:
        raise EmptyInputError(
            f"examples: expected some of every place as shots, got none that is {' or '.join(missing)}"
        )
    folder = Path(out)
    _begin(folder, settings)
    stages = Stages(model, settings, tasks=tasks, examples=examples, agent=agent, taken_hosts=taken_hosts)
    novelty = DiversityFilter(encoder.dim, settings.threshold, zero="orthogonal")
    done: list[Candidate] = []
    while len(_finished(done)) < settings.n and len(done) < settings.most_candidates:
        numbers = range(len(done), min(len(done) + settings.wave, settings.most_candidates))
        path = folder / f"wave-{numbers.start:06}.json"
        require_regular_file(path, missing_ok=True)
        if path.exists():
            wave = [_candidate(row) for row in read_json(path)]
            for candidate in wave:
                if candidate.objective:
                    novelty.add(encoder.encode([candidate.objective]))
        else:
            wave = [Candidate(number) for number in numbers]
            earlier = [Shot(candidate.objective, candidate.host) for candidate in done if candidate.objective]
            stages.objectives(
                wave, earlier, lambda objective: bool(novelty.add(encoder.encode([objective])).accepted[0])
            )
            stages.plans(wave)
            stages.addresses([candidate for candidate in wave if candidate.lost_at is None])
            stages.moments(wave)
            stages.pages(wave)
            _write(path, [asdict(candidate) for candidate in wave])
        done += wave
        if progress is not None:
            progress(min(len(_finished(done)), settings.n), len(done))
    made = tuple(_example(candidate, format_prompt) for candidate in _finished(done)[: settings.n])
    refusals: Counter[str] = sum((Counter(candidate.refusals) for candidate in done), Counter())
    lost = Counter(candidate.lost_at for candidate in done if candidate.lost_at is not None)
    result = Generated(made, len(done), dict(sorted(refusals.items())), dict(sorted(lost.items())), settings)
    write_examples(folder / "examples.jsonl", made)
    about = {"examples": len(made), "candidates": len(done), "refusals": result.refusals, "lost": result.lost}
    _write(folder / "summary.json", about)
    return result


def _finished(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.lost_at is None]


def _example(candidate: Candidate, format_prompt: FormatPrompt) -> Example:
    assert candidate.moment is not None, "a finished candidate has its moment"
    return Example(
        id=f"generated/{candidate.number}",
        source="out_of_domain",
        place=candidate.place,
        group=f"generated/{candidate.number}",
        prompt=format_prompt(
            objective=candidate.objective,
            page=candidate.page,
            address=candidate.address,
            previous_action=candidate.moment.previous_action,
        ),
        completion=candidate.moment.next_action,
        action=candidate.moment.action,
        objective=candidate.objective,
        page=candidate.page,
        address=candidate.address,
        previous_action=candidate.moment.previous_action,
        site=candidate.host,
        extra={"plan": list(candidate.plan), "step": candidate.step},
    )


def _begin(folder: Path, settings: GenerationSettings) -> None:
    make_folder(folder)
    path = folder / "settings.json"
    require_regular_file(path, missing_ok=True)
    wanted = asdict(settings)
    if path.exists():
        begun = read_json_object(path)
        # More examples may be asked for later: earlier waves stay what they are.
        differing = [name for name in wanted if name not in ("n", "max_candidates") and begun.get(name) != wanted[name]]
        if differing:
            name = differing[0]
            raise RunMismatchError(
                f"{folder}: was begun with {name} {begun.get(name)}, not {wanted[name]}; choose another folder, or the "
                "settings it was begun with"
            )
    _write(path, wanted)


def _candidate(row: dict[str, Any]) -> Candidate:
    moment = row["moment"]
    return Candidate(
        **{
            **row,
            "plan": tuple(row["plan"]),
            "moment": None if moment is None else Moment(**moment),
        }
    )


def _write(path: Path, content: Any) -> None:
    with beside(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))
