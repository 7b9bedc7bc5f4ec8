import numpy as np
import pytest

from tracewarp.errors import EmptyInputError
from tracewarp.studies.validity import audit
from tracewarp.trajectory import Ending, Observation, Outcome, Provenance, Step, Task, Trajectory


def recording(n_tasks=60, repeats=4, *, started=None, page=None, ending=None, seed=0):
    """Attempts whose success is drawn alone; what is given makes a cue from it."""
    rng = np.random.default_rng(seed)
    found = []
    for task in range(n_tasks):
        for repeat in range(repeats):
            success = bool(rng.random() < 0.5)
            second = int(rng.integers(0, 3600)) if started is None else started(success, rng)
            text = f"[1] link 'Task {task}'" if page is None else page(task, success, rng)
            steps = [Step(observation=Observation(text=text), action=f"click [{i}]") for i in range(3)]
            found.append(
                Trajectory(
                    task=Task(id=str(task)),
                    repeat=repeat,
                    steps=(*steps, Step(observation=Observation(text=text), action="stop [done]")),
                    outcome=Outcome(
                        score=float(success), ending=Ending.STOP if ending is None else ending(success, rng)
                    ),
                    provenance=Provenance(started_at=f"2026-01-01T{second // 60:02}:{second % 60:02}:00+00:00"),
                )
            )
    return found


def cues(trajectories, **more):
    return {leak.cue: leak for leak in audit(trajectories, **more)}


def test_a_recording_without_a_leak_has_none():
    """Four cues at 95 %: a false alarm is rare enough over two seeds to be seen as a fault."""
    found = [cues(recording(started=lambda _, rng: int(rng.integers(0, 1400)), seed=seed)) for seed in (0, 1, 2)]
    for name in ("start time", "first page", "manner of ending", "number of steps"):
        assert sum(one[name].leaks for one in found) <= 1, name
        assert all(abs(one[name].overall.value - 0.5) < 0.12 for one in found), name


def test_failures_that_were_recorded_later_are_found_by_the_start_time():
    def started(success, rng):
        return int(rng.integers(0, 600)) if success or rng.random() < 0.3 else int(rng.integers(700, 1400))

    found = cues(recording(started=started))
    assert found["start time"].leaks
    assert 0.75 < found["start time"].overall.value < 0.95
    assert found["start time"].within.value > 0.7
    assert found["first page"].overall.value < 0.65, "the page itself is drawn without regard to success"


def test_a_word_on_the_first_page_is_found():
    def page(task, success, rng):
        return f"[1] link 'Task {task}'\n[2] StaticText '{'maintenance' if not success else 'welcome'} notice'"

    found = cues(recording(page=page))
    assert found["first page"].leaks
    assert found["first page"].overall.value > 0.95
    assert not found["manner of ending"].leaks


def test_endings_that_tell_success_are_found():
    def ending(success, rng):
        return Ending.STOP if success or rng.random() < 0.5 else Ending.STEP_LIMIT

    found = cues(recording(ending=ending))
    assert found["manner of ending"].leaks
    assert found["manner of ending"].overall.value == pytest.approx(0.75, abs=0.08)


def test_a_page_that_only_tells_the_task_says_nothing_within_a_task():
    """Easy and hard tasks with pages of their own: the page tells the task, not how the attempt went."""
    rng = np.random.default_rng(4)
    found = []
    for one in recording(n_tasks=60):
        hard = int(one.task.id) % 2
        score = float(rng.random() < (0.2 if hard else 0.8))
        text = f"[1] link '{'hard' if hard else 'easy'} shelf'"
        steps = tuple(step.model_copy(update={"observation": Observation(text=text)}) for step in one.steps)
        found.append(one.model_copy(update={"steps": steps, "outcome": Outcome(score=score, ending=Ending.STOP)}))
    leak = cues(found)["first page"]
    assert leak.overall.value > 0.75
    assert leak.within.value == 0.5, "the pages of one task are equal"


def test_a_cue_that_is_not_recorded_is_not_judged():
    found = [
        one.model_copy(update={"provenance": one.provenance.model_copy(update={"started_at": None})})
        for one in recording(n_tasks=10)
    ]
    leak = cues(found)["start time"]
    assert (leak.overall, leak.within, leak.known, leak.leaks) == (None, None, 0, False)


def test_recordings_that_nobody_judged_are_refused():
    with pytest.raises(EmptyInputError, match="some with a judgement"):
        audit([one.model_copy(update={"outcome": Outcome()}) for one in recording(n_tasks=2)])
