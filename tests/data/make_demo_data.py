"""Cut the episodes that `tracewarp demo --recorded` scores out of a published run of all 812 WebArena tasks.

    python tests/data/make_demo_data.py ../shared/data

reads trajectories/colorbrowseragent-webarena.jsonl.gz and webarena/test.raw.json below the folder given, and writes
three files into python/tracewarp/data/demo, the same bytes each time:

- webarena-episodes.jsonl.gz: whole capabilities (so that a task has successful trajectories of its neighbours for
  references), drawn site by site. Page texts are cut at a line's end to about 2 kB a step and the reasoning to 280
  characters, each with a mark where something is missing; bookkeeping of the source (token counts) is left out.
- webarena-tasks.json: the task file's entries of these tasks, unchanged.
- webarena-trivial.jsonl.gz: the agent that does nothing. Nobody ran it: each record is the first page of the episode
  above and the action `stop [N/A]`, scored 1 where the published list names the task as solved by doing nothing.

The draw is seeded; the seed is the first one whose cut meets `representative`. It is a sample to try the tool with, not
a benchmark: nobody should quote its figures for the agent.
"""

import argparse
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tracewarp.trajectory import (
    Ending,
    Observation,
    Outcome,
    Provenance,
    Step,
    Trajectory,
    open_run,
    write_trajectories,
)

DEMO = Path(__file__).parents[2] / "python" / "tracewarp" / "data" / "demo"
EPISODES = 72
PAGE_BYTES = 2_000
REASONING_CHARACTERS = 280
PAGE_MARK = "[... {lines} more lines of the page are left out ...]"
TEXT_MARK = " [...]"
TRIVIAL = set(json.loads((DEMO.parent / "webarena-trivial-tasks.json").read_text("utf-8")))


def main() -> None:
    """Read the sources, draw, shorten, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with trajectories/ and webarena/")
    data = parser.parse_args().data
    tasks = json.loads((data / "webarena" / "test.raw.json").read_text("utf-8"))
    run = {int(t.task.id): t for t in open_run(data / "trajectories" / "colorbrowseragent-webarena.jsonl.gz")}
    seed, chosen = draw(tasks, run)

    DEMO.mkdir(parents=True, exist_ok=True)
    episodes = [shortened(run[task], seed) for task in chosen]
    write_trajectories(DEMO / "webarena-episodes.jsonl.gz", episodes)
    write_trajectories(DEMO / "webarena-trivial.jsonl.gz", [trivial(episode) for episode in episodes])
    kept = [task for task in tasks if task["task_id"] in set(chosen)]
    (DEMO / "webarena-tasks.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


def draw(tasks: list[dict], run: dict[int, Trajectory]) -> tuple[int, list[int]]:
    """The first seed with a representative cut, and its task ids, ascending."""
    whole = success_rate(run.values())
    groups = list(capabilities(tasks))
    for seed in itertools.count():
        chosen = cut(groups, run, seed)
        if representative([run[task] for task in chosen], whole):
            return seed, chosen
    raise AssertionError("unreachable: the count is endless")


def capabilities(tasks: list[dict]) -> Iterator[tuple[str, list[int]]]:
    """Site and task ids of each published capability: connected components of template ids and labels."""
    labels = json.loads((DEMO.parent / "published-capability-labels.json").read_text("utf-8"))
    names = [task["intent_template_id"] for task in tasks]
    ends = [labels[str(task["task_id"])] for task in tasks]
    size = max(names + ends) + 1
    _, component = connected_components(
        coo_array(([1] * len(tasks), (names, ends)), shape=(size, size)), directed=False
    )
    groups = defaultdict(list)
    for task, name in zip(tasks, names, strict=True):
        groups[component[name]].append(task)
    for members in groups.values():
        yield "+".join(sorted(members[0]["sites"])), [task["task_id"] for task in members]


def cut(groups: list[tuple[str, list[int]]], run: dict[int, Trajectory], seed: int) -> list[int]:
    """Whole capabilities of 4 to 8 tasks with short episodes, one a site in turn, until there are enough."""
    by_site = defaultdict(list)
    for site, members in groups:
        steps = sum(len(run[task].steps) for task in members)
        if 4 <= len(members) <= 8 and steps <= 12 * len(members):
            by_site[site].append(members)
    generator = random.Random(seed)
    for site in sorted(by_site):
        generator.shuffle(by_site[site])
    chosen: list[int] = []
    for site in itertools.cycle(sorted(by_site)):
        if len(chosen) >= EPISODES:
            return sorted(chosen)
        if by_site[site]:
            chosen += by_site[site].pop()
    raise AssertionError("unreachable: the cycle is endless")


def representative(episodes: list[Trajectory], whole: float) -> bool:
    """Success within three points of the whole run, at least four partial credits and three trivial tasks."""
    partial = sum(0 < (episode.outcome.score or 0) < 1 for episode in episodes)
    trivial_tasks = sum(int(episode.task.id) in TRIVIAL for episode in episodes)
    return abs(success_rate(episodes) - whole) < 0.03 and partial >= 4 and trivial_tasks >= 3


def success_rate(episodes) -> float:
    """Share of successes."""
    outcomes = [bool(episode.outcome.success) for episode in episodes]
    return sum(outcomes) / len(outcomes)


def shortened(episode: Trajectory, seed: int) -> Trajectory:
    """The same episode with shorter texts, which says so."""
    note = {
        "original": "MadeAgents/browser-agent, trajectories/webarena/results (Apache-2.0)",
        "changed": f"page texts cut to about {PAGE_BYTES} bytes, reasoning to {REASONING_CHARACTERS} characters, "
        "bookkeeping left out",
        "made_by": f"tests/data/make_demo_data.py, seed {seed}",
    }
    provenance = episode.provenance.model_copy(update={"agent": "ColorBrowserAgent", "model": "GPT-5", "extra": note})
    return episode.model_copy(
        update={
            "steps": tuple(shortened_step(step) for step in episode.steps),
            "outcome": episode.outcome.model_copy(update={"extra": {}}),
            "provenance": provenance,
            "extra": {},
        }
    )


def shortened_step(step: Step) -> Step:
    """One step with a shorter page and shorter reasoning, inside the response too."""
    reasoning, response = step.reasoning, step.response
    if reasoning and len(reasoning) > REASONING_CHARACTERS:
        reasoning = reasoning[:REASONING_CHARACTERS].rsplit(" ", 1)[0] + TEXT_MARK
        response = response and response.replace(step.reasoning or "", reasoning)
    page = step.observation.model_copy(update={"text": shortened_page(step.observation.text), "extra": {}})
    return step.model_copy(update={"observation": page, "reasoning": reasoning, "response": response, "extra": {}})


def shortened_page(text: str) -> str:
    """The first lines of a page, and a line that tells how many are missing."""
    lines, size = text.split("\n"), 0
    for index, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > PAGE_BYTES and index:
            return "\n".join([*lines[:index], PAGE_MARK.format(lines=len(lines) - index)])
    return text


def trivial(episode: Trajectory) -> Trajectory:
    """What the agent that does nothing would have recorded on the same task."""
    first = episode.steps[0].observation if episode.steps else Observation(text="")
    return Trajectory(
        task=episode.task,
        steps=(Step(observation=first, response="stop [N/A]", action="stop [N/A]", valid=True),),
        outcome=Outcome(score=float(int(episode.task.id) in TRIVIAL), ending=Ending.STOP),
        provenance=Provenance(
            agent="does nothing",
            extra={
                "made_from": "the first page of the episode of the same task in webarena-episodes.jsonl.gz",
                "score_from": "the published list of tasks that are solved by doing nothing",
                "made_by": "tests/data/make_demo_data.py",
            },
        ),
    )


if __name__ == "__main__":
    main()
