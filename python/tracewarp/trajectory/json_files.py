"""One JSON value per file: what tracewarp itself wrote and reads again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tracewarp.errors import UnreadableFileError
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import DEFAULT_MAX_LINE_BYTES, read_whole
from tracewarp.trajectory.paths import shown_path


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file; lone surrogates are repaired.

    Raises:
        UnreadableFileError: missing, not a regular file, without permission, or not JSON.
    """
    try:
        value, _ = parse_json(read_whole(Path(path), max_bytes=DEFAULT_MAX_LINE_BYTES))
    except BadJsonError as error:
        raise UnreadableFileError(f"{shown_path(path)}: {error}") from None
    return value


def read_json_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        UnreadableFileError: as for `read_json`, or another kind of value.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise UnreadableFileError(f"{shown_path(path)}: expected a JSON object")
    return value
