"""Scores as one self-contained page that works offline."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tracewarp.errors import FileError
from tracewarp.evaluate.results import EpisodeScore, Scores
from tracewarp.report import words
from tracewarp.report.definitions import DEFINITIONS
from tracewarp.report.figures import figures
from tracewarp.report.headline import encoders, headline_rows, shown_runs
from tracewarp.report.plots import legend_marker
from tracewarp.report.table import counts, difference_rows, method, tests

OBJECTIVE_CELLS = 300
"""An objective is cut to this width in the page; `scores.json` has it whole."""
NAME_CELLS = 120
"""A capability's name is cut to this width."""
TABLE_BYTES = 4_000_000
"""The task table's share of the page's 5 MB; rows beyond it are left out, and the page says how many."""


def write_report(scores: Scores, path: str | Path) -> None:
    """Write the report of an evaluation: one HTML file, at most 5 MB, without a single external request.

    The file is written beside its place and then renamed, so that a reader never sees half a page.

    Args:
        scores: What `tracewarp.evaluate.evaluate` returned.
        path: The file to write; its folder is made where it is missing.

    Raises:
        FileError: The folder or the file cannot be written.
    """
    write_page(render(scores), Path(path))


def write_page(text: str, path: Path) -> None:
    """Write a page beside its place, then rename it.

    Raises:
        FileError: The folder or the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Lone surrogates may come in with other people's JSON; UTF-8 has no place for them.
        beside.write_bytes(text.encode("utf-8", "replace"))
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise FileError(f"{path}: the report cannot be written ({error.strerror or error})") from None


def render(scores: Scores) -> str:
    """The page as text."""
    script, style = asset("report.js"), asset("report.css")
    runs = shown_runs(scores)
    return (
        environment()
        .get_template("report.html")
        .render(
            scores=scores,
            runs=runs,
            words=words,
            policy=policy(script, style),
            script=Markup(script),  # noqa: S704 - our own file, not input
            style=Markup(style),  # noqa: S704 - our own file, not input
            names=[words.plain(run.name) for run in runs],
            markers=[legend_marker(index) for index in range(len(runs))],
            rows=headline_rows(scores, runs),
            encoders=encoders(runs),
            interval=f"{words.level(scores.settings)} interval".strip(),
            method=method(scores),
            figures=figures(scores),
            counts=counts,
            tests=tests,
            difference_rows=difference_rows,
            sites=list(dict.fromkeys(entry.site for run in runs for entry in run.sites)),
            table=table_data(scores),
            definitions=DEFINITIONS,
            settings=flat(scores.settings),
            facts=flat({key: value for key, value in (scores.capabilities or {}).items() if not bulky(value)}),
        )
    )


def environment() -> Environment:
    """Jinja with autoescape on, and an error for every name that is not there."""
    made = Environment(
        loader=PackageLoader("tracewarp.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
    return made


def asset(name: str) -> str:
    """One of the page's own files."""
    return (resources.files("tracewarp.report") / "templates" / name).read_text("utf-8")


def policy(script: str, style: str) -> str:
    """The content security policy: our own script and style by their hashes, and nothing from anywhere."""
    return (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """The hash of an inline element in the form that a policy takes."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def table_data(scores: Scores) -> dict[str, Any]:
    """The rows of the task table, as small as they can be told; `tojson` escapes them.

    Objectives, sites and endings repeat, so a row holds their index.
    """
    objectives, sites, endings = Index(), Index(), Index()
    rows: list[list[Any]] = []
    size, total = 0, sum(len(run.episodes) for run in shown_runs(scores))
    for number, run in enumerate(shown_runs(scores)):
        for episode in run.episodes:
            before = objectives.size
            row = [number, *cells(episode, objectives, sites, endings)]
            size += len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")) + objectives.size - before
            if size > TABLE_BYTES:
                break
            rows.append(row)
    return {
        "runs": [words.plain(run.name) for run in shown_runs(scores)],
        "objectives": list(objectives.places),
        "sites": list(sites.places),
        "endings": list(endings.places),
        "capabilities": capability_names(scores),
        "rows": rows,
        "left_out": total - len(rows),
    }


def capability_names(scores: Scores) -> dict[str, str]:
    """What each capability asks for, by label: the first template of its group."""
    names = (scores.capabilities or {}).get("names", {})
    return {label: words.shorten(templates[0], NAME_CELLS) for label, templates in names.items() if templates}


class Index:
    """Texts by first appearance."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.size = 0

    def __call__(self, text: str) -> int:
        """The place of a text; a new one is appended."""
        if text not in self.places:
            self.places[text] = len(self.places)
            # Escapes of <, >, & and ' take six bytes.
            self.size += len(text.encode("utf-8", "replace")) + 5 * sum(text.count(mark) for mark in "<>&'") + 4
        return self.places[text]


def cells(episode: EpisodeScore, objectives: Index, sites: Index, endings: Index) -> list[Any]:
    """One row of the task table, without its run."""
    return [
        words.plain(episode.task),
        episode.repeat,
        objectives(words.shorten(episode.objective, OBJECTIVE_CELLS)),
        sites(words.plain(episode.site)),
        episode.capability,
        episode.trivial,
        rounded(episode.score),
        episode.success,
        rounded(episode.vertex_dtw),
        reference(episode),
        episode.steps,
        episode.invalid,
        episode.unparsable,
        endings(episode.ending),
    ]


def reference(episode: EpisodeScore) -> str | None:
    """The chosen reference; its run's name is given by scores.json alone, since it repeats in every row."""
    return None if episode.reference is None else words.plain(episode.reference)


def rounded(value: float | None) -> float | None:
    """Four decimals are what the table sorts and shows; None for what is not finite."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as lines `name.inner: value`, in the order in which they come; list items count from 1."""
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            lines += flat(value, f"{name}.")
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            lines += flat({str(place): item for place, item in enumerate(value, 1)}, f"{name}.")
        else:
            lines.append((words.plain(name), words.plain(written(value))))
    return lines


def written(value: Any) -> str:
    """A setting's value as a person would write it."""
    if value is None or value in ([], {}, ""):
        return words.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ", ".join(written(item) for item in value)
    return str(value)


def bulky(value: Any) -> bool:
    """Lists by group (labels, names) belong into `scores.json`, not into a table for people."""
    return isinstance(value, (Mapping, list, tuple)) and len(value) > 12
