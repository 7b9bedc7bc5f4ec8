"""Which format is this? Decided by what is inside, not by the name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracewarp.errors import EmptyRunError, UnreadableFileError
from tracewarp.trajectory.complaints import GUIDE, suggestion
from tracewarp.trajectory.formats import agentlab, atif, own, prompt_folder, webarena_pages
from tracewarp.trajectory.formats.agentlab_folder import PICKLE_HINT, TaskFolders, find_task_folders
from tracewarp.trajectory.formats.harbor import Trial, find_trials
from tracewarp.trajectory.formats.prompt_folder import find_prompts
from tracewarp.trajectory.formats.webarena_pages import find_pages
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import LineSource, read_whole
from tracewarp.trajectory.names import natural_order
from tracewarp.trajectory.paths import reason_of, shown_path
from tracewarp.trajectory.problems import shown_name

RUN_FORMAT = "tracewarp-run"
EXPECTED = f"expected a .jsonl[.gz|.zst] of trajectories, a run folder or an AgentLab directory (see {GUIDE})"
_RUN_FILES = ("trajectories.jsonl", "trajectories.jsonl.gz", "trajectories.jsonl.zst")

SNIFF_LINES = 1000
"""How many lines may be unreadable before a file counts as one of no known format."""


def identify(value: Any) -> str | None:
    """The format of one parsed line, or None for a JSON value that is no episode."""
    if not isinstance(value, dict):
        return None
    if atif.is_atif(value):
        return atif.FORMAT
    if value.get("schema_version") is not None or isinstance(value.get("task"), dict):
        return own.FORMAT
    steps = value.get("steps")
    if value.get("task") is None and value.get("task_name") is None:
        # Its own reader tells what is missing.
        return own.FORMAT if isinstance(steps, list) else None
    first = steps[0] if isinstance(steps, list) and steps else None
    if isinstance(first, dict) and "obs" not in first and "observation" in first:
        return own.FORMAT
    return agentlab.JSONL_FORMAT if "steps" in value or "summary" in value else None


def identify_file(path: Path, *, max_line_bytes: int) -> str | Files:
    """The format of a file of lines, from the first line that is an episode, or the file as one document of ATIF.

    Raises:
        EmptyRunError: nothing but blank lines.
        UnreadableFileError: no episode in the first lines; the message says what is there instead.
    """
    source = LineSource(path, max_line_bytes=max_line_bytes)
    complaint = ""
    found: str | None = None
    n_lines = 0
    for line in source:
        if not line.data.strip() and not line.too_long:
            continue
        n_lines += 1
        if found is not None:
            break
        try:
            value, _ = parse_json(line.data)
            found = None if line.too_long else identify(value)
            complaint = complaint or f"line {line.number} is no trajectory ({_described(value)})"
        except BadJsonError as error:
            if n_lines == 1 and not line.too_long and is_atif_file(path, max_bytes=max_line_bytes):
                return Files(atif.FORMAT, [path])
            hint = _hint(line.data) if n_lines == 1 else None
            if hint:
                raise UnreadableFileError(f"{shown_path(path)}: {hint}; {EXPECTED}") from None
            torn = None if line.ended else source.flaw
            reason = f"longer than max_line_bytes = {max_line_bytes} bytes" if line.too_long else torn or str(error)
            complaint = complaint or f"line {line.number}: {reason}"
        else:
            if n_lines == 1 and isinstance(value, list) and (hint := _hint(line.data)):
                raise UnreadableFileError(f"{shown_path(path)}: {hint}; {EXPECTED}")
        if found not in (None, atif.FORMAT):
            break
        if line.number >= SNIFF_LINES:
            break
    if found is not None:
        # A document of ATIF on a single line may take its name from the file.
        alone = found == atif.FORMAT and n_lines == 1 and source.flaw is None
        return Files(atif.FORMAT, [path]) if alone else found
    if not n_lines and source.flaw is None:
        raise EmptyRunError(f"{shown_path(path)}: no episode in it (the file is empty); {EXPECTED}")
    raise UnreadableFileError(f"{shown_path(path)}: {complaint or source.flaw}; {EXPECTED}")


@dataclass(frozen=True)
class Files:
    """A folder of another format, one file an episode."""

    format: str
    paths: list[Path]


def identify_folder(path: Path, *, max_bytes: int) -> Path | TaskFolders | Files | list[Trial]:
    """The trajectory file of a run folder, the task folders of an AgentLab directory, or the files of another format.

    Raises:
        EmptyRunError: an empty folder.
        UnreadableFileError: a folder of other things, or of pickles only, or one without permission.
    """
    try:
        return _identify_folder(path, max_bytes=max_bytes)
    except OSError as error:
        raise UnreadableFileError(f"{shown_path(path)}: cannot be read ({reason_of(error)})") from None


def _identify_folder(path: Path, *, max_bytes: int) -> Path | TaskFolders | Files | list[Trial]:
    for name in _RUN_FILES:
        if (path / name).exists():
            return path / name
    folders = find_task_folders(path)
    names = sorted(child.name for child in path.iterdir())
    if folders.readable:
        return folders
    files_found = _files(path, max_bytes=max_bytes)
    if files_found is not None:
        return files_found
    trials = find_trials(path)
    if any(trial.has_trajectory for trial in trials):
        return trials
    place = shown_path(path)
    if trials:
        raise EmptyRunError(f"{place}: {len(trials)} trials of Harbor, none with agent/trajectory.json")
    if folders.folders:
        raise UnreadableFileError(f"{place}: AgentLab steps stored as pickles; {PICKLE_HINT}")
    if folders.superseded:
        raise EmptyRunError(
            f"{place}: no episode but {len(folders.superseded)} superseded ones, whose names begin with `_`; "
            "pass such a folder itself to read it"
        )
    if folders.problems:
        raise UnreadableFileError(f"{folders.problems[0]}")
    if not names or names == ["run.json"]:
        raise EmptyRunError(f"{place}: a folder with no episodes")
    shown = ", ".join(shown_name(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    files = [name for name in names if name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst"))]
    hint = f"; pass the file itself: {shown_path(path / files[0])}" if files else f"; {EXPECTED}"
    raise UnreadableFileError(
        f"{place}: neither a run folder (trajectories.jsonl) nor an AgentLab directory; it holds {shown}{hint}"
    )


def _files(folder: Path, *, max_bytes: int) -> Files | None:
    """WebArena's pages, the paper's prompts, or documents of ATIF."""
    if pages := find_pages(folder):
        return Files(webarena_pages.FORMAT, pages)
    if prompts := find_prompts(folder):
        return Files(prompt_folder.FORMAT, prompts)
    documents = [file for file in folder.iterdir() if file.name.endswith(_DOCUMENTS) and file.name != "run.json"]
    documents.sort(key=lambda file: natural_order(file.name))
    found = any(is_atif_file(file, max_bytes=max_bytes) for file in documents)
    return Files(atif.FORMAT, documents) if found else None


_DOCUMENTS = (".json", ".json.gz", ".json.zst")


def is_atif_file(path: Path, *, max_bytes: int) -> bool:
    """Is it one document of ATIF, over however many lines and in whichever order of keys? The whole file is read."""
    try:
        value, _ = parse_json(read_whole(path, max_bytes=max_bytes))
    except (BadJsonError, UnreadableFileError):
        return False
    return atif.is_atif(value)


def _hint(first_line: bytes) -> str | None:
    """What people pass by mistake, told by the first line."""
    start = first_line.strip()
    if start.startswith(b"["):
        return (
            "a JSON array, not one JSON object a line "
            "(jq -c '.[]' FILE > FILE.jsonl makes it so; a list of tasks goes to --tasks)"
        )
    if start == b"{":
        return "JSON spread over several lines, not one object a line (jq -c . FILE > FILE.jsonl makes it so)"
    if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return f"a pickle; {PICKLE_HINT}"
    return None


def _described(value: Any) -> str:
    if not isinstance(value, dict):
        return f"a JSON {_KINDS.get(type(value), 'value')}"
    keys = ", ".join(shown_name(key) for key in list(value)[:6]) or "none"
    near = next((f"; {told}" for key in value if key != "task" and (told := suggestion(key, ["task"]))), "")
    hint = near if "task" not in value else ""
    hint = "; a task, it seems: task files go to --tasks" if "intent" in value or "intent_template" in value else hint
    return f"an object with the keys {keys}{hint}"


_KINDS = {str: "string", int: "number", float: "number", bool: "boolean", list: "array", type(None): "null"}
