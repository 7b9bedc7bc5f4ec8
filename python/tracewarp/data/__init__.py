"""Files that ship with the package: published facts about WebArena, and the episodes that `tracewarp demo` scores."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from tracewarp.errors import UnreadableFileError

__all__ = ["data_path"]


def data_path(*parts: str) -> Path:
    """The path of a file of the package.

    Args:
        parts: Names below this package, e.g. `"demo", "webarena-tasks.json"`.

    Raises:
        UnreadableFileError: There is no such file in this installation.
    """
    # The package holds a compiled module, so it always lies unpacked in a folder.
    path = Path(str(resources.files("tracewarp.data").joinpath(*parts)))
    if not path.is_file():
        raise UnreadableFileError(f"{path}: not in this installation of tracewarp, which should have it")
    return path
