"""Files that ship with the package: published facts about WebArena, and the episodes that `tracewarp demo` scores."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

__all__ = ["data_path"]


def data_path(*parts: str) -> Path:
    """The path of a file of this package; whether it is there is the business of whoever reads it.

    Args:
        parts: Names below this package, e.g. `"demo", "webarena-tasks.json"`.
    """
    # tracewarp holds a compiled module, so it always lies unpacked in a folder.
    return Path(str(resources.files("tracewarp.data").joinpath(*parts)))
