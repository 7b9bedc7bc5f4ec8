"""The study's results as files: JSON with every figure, tables in Markdown, plots as SVG."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracewarp.errors import FileError, OptionError, UnreadableFileError
from tracewarp.report.words import MISSING, number, percent, share_interval, signed
from tracewarp.studies.validity.damages import NOT_IN_RULE
from tracewarp.studies.validity.evidence import DamageCurve
from tracewarp.studies.validity.leaks import Leak
from tracewarp.studies.validity.material import REFERENCES
from tracewarp.studies.validity.measures import Estimate
from tracewarp.studies.validity.plots import WORDS, agents_plot, alone, doses_plot, grid_plot
from tracewarp.studies.validity.results import AgentRow, SplitResult, StudyResult
from tracewarp.studies.validity.scoring import NEIGHBOURS
from tracewarp.studies.validity.settings import Setting, grid
from tracewarp.trajectory.write import beside

Table = list[str]


def write_study(result: StudyResult, out: Path) -> list[Path]:
    """Write `<name>.json`, `<name>.md` and the plots into a folder, which is made where it is missing.

    Returns:
        The files, the tables first.

    Raises:
        FileError: the folder or a file in it cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"--out {out}: the folder cannot be made ({error.strerror or error})") from None
    files: dict[str, str] = {f"{result.name}.json": json.dumps(_finite(result.to_dict()), indent=1) + "\n"}
    plots: dict[str, dict[str, str]] = {}
    for split in result.splits:
        drawn = plots.setdefault(split.name, {})
        if any(row.tau is not None for row in split.grid):
            drawn["tau"] = alone(grid_plot(split))
        for which in REFERENCES:
            labels = [
                label for label in result.shown if any(which in row.scores.get(label, {}) for row in split.agents)
            ]
            if labels and len(split.agents) > 2:
                agents = [row for row in split.agents if all(which in row.scores.get(label, {}) for label in labels)]
                drawn[f"agents-{which}"] = alone(agents_plot(agents, labels, which, name=split.name))
            rows = [row for row in split.damages if row.references == which]
            if rows:
                shown = list(dict.fromkeys(row.label for row in rows))
                drawn[f"doses-{which}"] = alone(doses_plot(rows, shown, which, name=split.name))
    names = {
        (split, key): "-".join(dict.fromkeys((result.name, split, key))) + ".svg"
        for split, drawn in plots.items()
        for key in drawn
    }
    files |= {names[split, key]: text for split, drawn in plots.items() for key, text in drawn.items()}
    files[f"{result.name}.md"] = summary(result, names)
    written = []
    for name in sorted(files, key=lambda one: (not one.endswith(".md"), one)):
        with beside(out / name) as file:
            file.write(files[name].encode("utf-8"))
        written.append(out / name)
    return written


def setting_of(path: Path) -> Setting:
    """The setting that an earlier study chose, from its JSON file.

    Raises:
        UnreadableFileError: no such file, or no result of this study.
        OptionError: a study that chose nothing.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        label = found["chosen"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UnreadableFileError(f"{path}: expected the JSON file of an earlier `tracewarp study validity`") from None
    setting = {one.label: one for one in grid()}.get(label)
    if setting is None:
        raise OptionError(f"{path}: this study chose no default; name one that did, such as that of arena")
    return setting


def summary(result: StudyResult, plots: Mapping[tuple[str, str], str] | None = None) -> str:
    """The tables, in Markdown."""
    drawn = plots or {}
    options = result.options
    lines = [
        f"# Validity of VERTEX_DTW: {result.name}",
        "",
        "Written by `tracewarp study validity`; every figure with more digits is in "
        f"[{result.name}.json]({result.name}.json). Definitions: [validity](../../definitions/validity.md).",
        "",
        f"Seed {options['seed']}; {100 * options['confidence']:g} % percentile intervals from {options['resamples']:,} "
        "bootstrap resamples of tasks (of capabilities for AUC within a capability). At most "
        f"{options['max_references']} references for each task. Default before this study: {result.today}. "
        + (f"Chosen: **{result.chosen}**." if result.chosen else "Nothing is chosen here."),
        "",
        *(f"Note: {note}" for note in result.notes),
    ]
    for split in result.splits:
        lines += ["", f"## {split.name}", "", *_facts(split), *_rule(split), *_plot(drawn, split, "tau")]
        lines += _agents(result, split)
        for which in REFERENCES:
            lines += _plot(drawn, split, f"agents-{which}")
        lines += _auc(split)
        lines += _failures(result, split)
        lines += _damages(split)
        for which in REFERENCES:
            lines += _plot(drawn, split, f"doses-{which}")
        lines += _leaks(split.leaks)
    return "\n".join(lines) + "\n"


def _plot(drawn: Mapping[tuple[str, str], str], split: SplitResult, key: str) -> list[str]:
    name = drawn.get((split.name, key))
    return [] if name is None else ["", f"![{key.partition('-')[0]}, {split.name}]({name})"]


def _facts(split: SplitResult) -> list[str]:
    facts = split.facts
    return [
        f"n = {facts['attempts']:,} attempts ({facts['successes']:,} successes, {facts['steps']:,} steps) of "
        f"{facts['agents']} agents at {facts['tasks']} tasks of {facts['capabilities']} capabilities; "
        f"{facts['trivial_tasks_left_out']} tasks that doing nothing solves are left out. "
        f"{facts['references']} references; {facts['tasks_with_other_references']} tasks have references of others. "
        f"{facts['damaged_copies']:,} damaged copies of {facts['damaged_solutions']} solutions; "
        f"{facts['reorderings']} valid reorderings.",
    ]


def _rule(split: SplitResult) -> list[str]:
    rows = []
    for row in split.grid:
        rows.append(
            [
                row.label,
                _estimate(row.tau, 2),
                *(_estimate(row.tau_by.get(which), 2) for which in REFERENCES),
                _estimate(row.worst_damage),
                _estimate(row.auc),
                str(row.parameters),
            ]
        )
    head = ["candidate", "tau", "tau, same task", "tau, other tasks", "worst damage", "AUC within task", "parameters"]
    lines = ["", "### The rule", "", *_table(head, rows)]
    if split.choice is None:
        return lines
    lines += ["", "What the rule gives on these tasks, round by round:", ""]
    for number_, found in enumerate(split.choice.rounds, start=1):
        staying = "; ".join(setting.label for setting in found.staying)
        best = (
            "" if found.best is None else f"best {found.best.label} ({number(found.values[found.best.label].value)}); "
        )
        lines.append(f"{number_}. {found.criterion.replace('_', ' ')}: {best}{len(found.staying)} stay: {staying}.")
    return [*lines, "", f"It gives **{split.choice.chosen.label}**."]


def _agents(result: StudyResult, split: SplitResult) -> list[str]:
    if not split.agents:
        return []
    lines = ["", "### Agents: success and mean score", ""]

    def table(agents: Sequence[AgentRow], labels: Sequence[str]) -> Table:
        columns = [(label, which) for label in labels for which in REFERENCES]
        head = ["agent", "episodes", "success", *(f"{label}; {which}" for label, which in columns)]
        rows = [
            [
                row.agent,
                f"{row.episodes:,}",
                percent(row.success),
                *(number(row.scores.get(label, {}).get(which)) for label, which in columns),
            ]
            for row in sorted(agents, key=lambda one: -one.success)
        ]
        return _table(head, rows)

    lines += ["same: references of the same task; other: of other tasks of the capability.", ""]
    lines += table(split.agents, result.shown)
    if split.published:
        labels = list(split.published_tau)
        lines += ["", "The four agents by which the fault was found, under the paper's settings too:", ""]
        lines += [*table(split.published, labels), ""]
        taus = [
            [label, *(_estimate(split.published_tau[label].get(which), 2) for which in REFERENCES)] for label in labels
        ]
        lines += _table(["Kendall's tau of these four", "same task", "other tasks"], taus)
    return lines


def _auc(split: SplitResult) -> list[str]:
    lines = ["", "### AUC of success against score"]
    for group in dict.fromkeys(row.group for row in split.auc):
        rows = [
            [
                WORDS.get(row.label, row.label),
                *(_estimate(row.within_task.get(which)) for which in REFERENCES),
                *(_difference(row.minus_today.get(which)) for which in REFERENCES),
                *(_estimate(row.within_capability.get(which)) for which in REFERENCES),
            ]
            for row in split.auc
            if row.group == group
        ]
        head = [group, "within task, same", "within task, other", "minus today, same", "minus today, other"]
        lines += ["", *_table([*head, "within capability, same", "within capability, other"], rows)]
    pairs = next((row.within_task["same"].n for row in split.auc if "same" in row.within_task), 0)
    return [*lines, "", f"{pairs:,} pairs of a success and a failure at the same task."]


def _failures(result: StudyResult, split: SplitResult) -> list[str]:
    if not split.failures:
        return []
    labels = [*result.shown, *NEIGHBOURS]
    columns = [(label, which) for label in labels for which in REFERENCES]
    rows = [
        [row.failures, f"{row.n:,}", *(_estimate(row.auc.get(label, {}).get(which)) for label, which in columns)]
        for row in split.failures
    ]
    head = ["failures of", "n", *(f"{WORDS.get(label, label)}; {which}" for label, which in columns)]
    return ["", "### AUC within task by kind of failure", "", *_table(head, rows)]


def _damages(split: SplitResult) -> list[str]:
    if not split.damages:
        return []
    lines = ["", "### Known damage: share of copies that score lower than their original", ""]
    head = ["score", "damage", "n", *(f"{10 * dose:g} %" for dose in range(1, 7)), "one dose"]
    head += ["never rises with the dose", "falls with every larger dose"]
    for which in REFERENCES:
        rows = [_curve(row.label, curve) for row in split.damages if row.references == which for curve in row.curves]
        lines += [f"With {WORDS[which]}:", "", *_table(head, rows), ""]
    lines += ["*: not in the rule. Intervals of every share are in the JSON file."]
    reordered = [row for row in split.damages if row.reordered is not None]
    if reordered:
        lines += ["", "### Valid reorderings: what a good score must not punish", ""]
        table = []
        for row in reordered:
            assert row.reordered is not None
            share, after, before = row.reordered
            table.append(
                [
                    WORDS.get(row.label, row.label),
                    row.references,
                    f"{share.n:,}",
                    f"{percent(share.value)} {share_interval(share.interval)}",
                    number(before),
                    number(after),
                ]
            )
        lines += _table(["score", "references", "n", "score lower", "mean, known order", "mean, other order"], table)
    return lines


def _curve(label: str, curve: DamageCurve) -> list[str]:
    graded = curve.never_rises is not None
    falls = [percent(estimate.value) for estimate in curve.falls]
    return [
        WORDS.get(label, label),
        WORDS[curve.damage] + ("*" if curve.damage in NOT_IN_RULE else ""),
        f"{curve.n:,}",
        *(falls if graded else [""] * 6),
        "" if graded else f"{falls[0]} {share_interval(curve.falls[0].interval)}",
        percent(curve.never_rises) if graded else "",
        percent(curve.always_falls) if graded else "",
    ]


def _leaks(leaks: Sequence[Leak]) -> list[str]:
    rows = [
        [
            leak.cue,
            f"{leak.known:,}",
            _estimate(leak.overall),
            _estimate(leak.within),
            "yes" if leak.leaks else "no" if leak.overall is not None else MISSING,
        ]
        for leak in leaks
    ]
    head = ["cue alone", "episodes", "AUC", "AUC within task", "says something about success"]
    return [
        "",
        "### Leak audit",
        "",
        "Out-of-fold predictions of success from one cue alone, tasks kept together in 10 folds.",
        "",
        *_table(head, rows),
    ]


def _estimate(estimate: Estimate | None, digits: int = 3) -> str:
    if estimate is None:
        return MISSING
    if estimate.interval is None:
        return number(estimate.value, digits)
    low, high = (number(bound, digits) for bound in estimate.interval)
    return f"{number(estimate.value, digits)} [{low}, {high}]"


def _difference(estimate: Estimate | None) -> str:
    if estimate is None or estimate.interval is None:
        return MISSING
    low, high = estimate.interval
    return f"{signed(estimate.value)} [{signed(low)}, {signed(high)}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]


def _finite(value: Any) -> Any:
    """NaN as null, tuples as lists: JSON has neither."""
    convert: dict[type, Callable[[Any], Any]] = {
        dict: lambda found: {str(key): _finite(one) for key, one in found.items()},
        list: lambda found: [_finite(one) for one in found],
        tuple: lambda found: [_finite(one) for one in found],
        float: lambda found: found if math.isfinite(found) else None,
    }
    return convert.get(type(value), lambda found: found)(value)
