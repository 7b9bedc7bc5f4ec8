"""Files that ship with the package: facts about WebArena, recorded episodes, and a tiny agent."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["data_path", "tiny_agent_path", "tiny_agent_tasks"]


def data_path(*parts: str) -> Path:
    """The path of a file of this package; whether it is there is the business of whoever reads it.

    Args:
        parts: Names below this package, e.g. `"demo", "webarena-tasks.json"`.
    """
    # tracewarp holds a compiled module, so it always lies unpacked in a folder.
    return Path(str(resources.files("tracewarp.data").joinpath(*parts)))


def tiny_agent_path() -> Path:
    """The folder of the tiny agent: a Llama of a million parameters that acts on arena's small profile.

    It is loaded as any model (`hf:FOLDER`); its prompt is the template `web-cot/1-bare`. Its card is README.md there.
    """
    return data_path("tiny-agent")


def tiny_agent_tasks() -> dict[str, Any]:
    """The settings of arena that list the tasks of the templates which were demonstrated to the tiny agent."""
    card = json.loads((tiny_agent_path() / "scores.json").read_text(encoding="utf-8"))
    return dict(card["tasks_of"])
