"""`tracewarp dedup`: keep the texts that differ enough from every text kept before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from tracewarp.cli._embedding import TextEmbedding
from tracewarp.cli._terminal import one_line, output_console, problem_lines
from tracewarp.errors import FileError, RecordError, UnreadableFileError
from tracewarp.metrics import Accepted, DiversityFilter
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import Line, LineSource
from tracewarp.trajectory.problems import Problem

SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Entry:
    """One text and the line that it stands on."""

    line: int
    """1-based."""
    text: str
    raw: bytes
    """The whole line, without its end."""


@click.command("dedup", short_help="keep the texts that differ enough from every text kept before")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=float,
    default=0.70,
    show_default=True,
    help="A text with this cosine or more to a kept one is rejected; 0.70 belongs to the paper's encoder.",
)
@click.option("--field", help="FILE holds JSON objects, one a line; the text is in this field (a.b: b inside a).")
@click.option(
    "--encoder", default="hashed", show_default=True, help="hashed, minilm, paper-capabilities, or a model's name."
)
@click.option("--no-cache", is_flag=True, help="Keep no embeddings on disk.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read (exit code 2).")
@click.option("--out", type=click.Path(path_type=Path), help="Write the accepted lines to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    file: Path,
    *,
    threshold: float,
    field: str | None,
    encoder: str,
    no_cache: bool,
    strict: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Go through the texts of FILE in order; accept one when its cosine with all accepted ones is below the threshold.

    FILE holds one text a line (blank lines are skipped), or JSON lines with --field; .gz and .zst are unpacked. A
    rejected text is shown with its witness: the first accepted line that is too similar, and their cosine.

    \b
    Examples:
      tracewarp dedup intents.txt --threshold 0.70
      tracewarp dedup tasks.jsonl --field intent --out distinct.jsonl
      tracewarp dedup tasks.jsonl --field task.objective --encoder minilm --json
    """
    if field is None and ".jsonl" in file.suffixes:
        raise click.UsageError(f"{file} holds JSON lines by its name; name the field with the text: --field NAME")
    embedding = TextEmbedding(encoder, use_cache=not no_cache)
    chosen = DiversityFilter(embedding.encoder.dim, threshold)
    entries, problems = read_entries(file, field, strict=strict)
    if not entries:
        what = "no text" if field is None else f"no JSON object with a text in field {field!r}"
        raise UnreadableFileError(f"{file}: {what} in it")
    judged = chosen.add(embedding([entry.text for entry in entries]))
    for line in problem_lines(problems, SHOWN_PROBLEMS):
        click.echo(line, err=True)
    if out is not None:
        _write(out, [entry.raw for entry, kept in zip(entries, judged.accepted, strict=True) if kept])
    settings = {"file": str(file), "field": field, "encoder": embedding.name, "threshold": threshold}
    if as_json:
        click.echo(json.dumps(settings | _as_json(entries, judged, problems), indent=1))
    else:
        _print(entries, judged, f"cosine >= {threshold:g}, encoder {embedding.name}")
        if out is not None:
            click.echo(f"Wrote {out}.", err=True)


def read_entries(path: Path, field: str | None, *, strict: bool) -> tuple[list[Entry], list[Problem]]:
    """Read the texts of a file, and what could not be read.

    Raises:
        UnreadableFileError: The file cannot be opened.
        RecordError: With `strict`, at the first line that is no text.
    """
    if path.is_dir():
        raise UnreadableFileError(f"{path}: expected a file with one text a line, got a folder")
    entries: list[Entry] = []
    problems: list[Problem] = []
    source = LineSource(path)
    for line in source:
        if not line.data.strip() and not line.too_long:
            continue
        try:
            entries.append(_entry(line, field, source.max_line_bytes))
        except BadJsonError as error:
            problems.append(Problem(str(path), line.number, f"{error}; skipped"))
            _refuse(problems, strict=strict)
    if source.flaw:
        problems.append(Problem(str(path), None, f"{source.flaw}; what came before is used"))
        _refuse(problems, strict=strict)
    return entries, problems


def _refuse(problems: list[Problem], *, strict: bool) -> None:
    if strict:
        raise RecordError(str(problems[-1]))


def _entry(line: Line, field: str | None, max_line_bytes: int) -> Entry:
    """The text on a line.

    Raises:
        BadJsonError: There is none; the text says why, without the place.
    """
    if line.too_long:
        raise BadJsonError(f"longer than {max_line_bytes} bytes")
    raw = line.data.removesuffix(b"\r")
    if field is None:
        try:
            return Entry(line.number, raw.decode("utf-8").strip(), raw)
        except UnicodeDecodeError as error:
            raise BadJsonError(f"byte 0x{raw[error.start]:02x} at position {error.start} is not UTF-8") from None
    value, _ = parse_json(raw)
    for name in _steps(value, field):
        if not isinstance(value, dict) or name not in value:
            raise BadJsonError(f"holds no field {field!r}")
        value = value[name]
    if not isinstance(value, str) or not value.strip():
        raise BadJsonError(f"field {field!r} holds no text")
    return Entry(line.number, value, raw)


def _steps(value: Any, field: str) -> Iterator[str]:
    """A field of this very name comes before a path through fields."""
    yield from [field] if isinstance(value, dict) and field in value else field.split(".")


def _as_json(entries: list[Entry], judged: Accepted, problems: list[Problem]) -> dict[str, Any]:
    accepted = [entry for entry, kept in zip(entries, judged.accepted, strict=True) if kept]
    rejected = [
        {"line": entry.line, "text": entry.text, "witness_line": entries[witness].line, "similarity": similarity}
        for entry, witness, similarity in zip(entries, judged.witness.tolist(), judged.similarity.tolist(), strict=True)
        if witness >= 0
    ]
    return {
        "texts": len(entries),
        "accepted": [{"line": entry.line, "text": entry.text} for entry in accepted],
        "rejected": rejected,
        "problems": [str(problem) for problem in problems],
    }


def _print(entries: list[Entry], judged: Accepted, rule: str) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("cosine", justify="right", no_wrap=True)
    table.add_column("with line", justify="right", no_wrap=True)
    table.add_column("text")
    for entry, witness, similarity in zip(entries, judged.witness.tolist(), judged.similarity.tolist(), strict=True):
        fate = ("accepted", "", "") if witness < 0 else ("rejected", f"{similarity:.4f}", str(entries[witness].line))
        table.add_row(str(entry.line), *fate, Text(one_line(entry.text), style="dim" if witness >= 0 else ""))
    console = output_console()
    console.print(table)
    kept = int(judged.accepted.sum())
    console.print(f"{len(entries)} texts: {kept} accepted, {len(entries) - kept} rejected ({rule})")


def _write(path: Path, lines: list[bytes]) -> None:
    """Write the lines beside `path`, then rename."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(b"".join(line + b"\n" for line in lines))
        beside.replace(path)
    except OSError as error:
        raise FileError(f"--out {path}: cannot be written ({error.strerror or error})") from None
    finally:
        beside.unlink(missing_ok=True)
