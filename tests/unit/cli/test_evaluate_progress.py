"""How the evaluation tells how far it is."""

import pytest

from tracewarp.cli import evaluate
from tracewarp.evaluate import Progress


def test_progress_goes_to_the_log_where_stderr_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "LOG_SECONDS", -1.0)
    with evaluate._progress() as display:
        evaluate.ReadingProgress(display)(Progress(run="mine", episodes=3, expected_episodes=812, steps=20, encoded=5))
    assert "mine: 3 of 812 episodes read, 20 steps (5 encoded)" in capsys.readouterr().err
