"""What is written down about an evaluation beside its figures."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy

from tracewarp.embed import Encoder
from tracewarp.evaluate.capability_groups import published_labels
from tracewarp.evaluate.capability_labels import CapabilityLabels
from tracewarp.evaluate.options import ClusterKind, EvaluateOptions
from tracewarp.evaluate.sources import Sources
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.machine import available_threads
from tracewarp.trajectory import TaskSet

MAX_PROBLEMS = 100
"""Reading problems that are listed one by one for each run; the rest is counted."""


def settings(
    sources: Sources,
    tasks: TaskSet | None,
    labels: CapabilityLabels | None,
    encoder: Encoder | None,
    options: EvaluateOptions,
    *,
    cluster: ClusterKind,
) -> dict[str, Any]:
    """Everything needed to get the same figures again: options, versions, files and what was wrong with them."""
    return {
        "versions": {
            "tracewarp": version("tracewarp"),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "seed": options.seed,
        "cluster": cluster,
        "resamples": options.resamples,
        "confidence": options.confidence,
        "chance_draws": options.chance_draws,
        "threads": options.threads if options.threads is not None else available_threads(),
        "encoder": None if encoder is None else {"name": options.encoder, "id": encoder.name, "dim": encoder.dim},
        "step_template": options.step_template,
        "include_reasoning": options.include_reasoning,
        "vertex": asdict(options.vertex),
        "steps": options.steps,
        "reference_aggregate": options.reference_aggregate,
        "max_references": options.max_references,
        "preset": options.preset,
        "changed_from_preset": sorted(options.changed_from_preset),
        "references": [str(path) for path in options.references],
        "references_from": options.references_from,
        "all_references": options.all_references,
        "trivial": None if options.trivial is None else str(options.trivial),
        "compare_to": None if options.compare_to is None else str(options.compare_to),
        "strict": options.strict,
        "tasks": None
        if tasks is None
        else {"path": str(options.tasks), "sha256": tasks.sha256, "n": len(tasks), "webarena": tasks.is_webarena},
        "capabilities": None
        if labels is None
        else {"path": str(options.capabilities), "sha256": labels.sha256, "n": len(labels.labels)},
        "sources": [
            {
                "name": run.name,
                "path": run.path,
                "format": run.format,
                "episodes": len(run.episodes),
                "problems": [str(problem) for problem in run.problems[:MAX_PROBLEMS]],
                "n_problems": len(run.problems),
            }
            for run in sources.all
        ],
    }


def capability_facts(table: TaskTable, tasks: TaskSet | None) -> dict[str, Any] | None:
    """What the capability groups are; None where there are none."""
    if table.groups is None:
        return None
    grouped = {task: label for task in table.tasks if (label := table.capability(task)) is not None}
    labels = sorted(set(grouped.values()))
    released = published_labels()
    return {
        "source": table.groups.source,
        "encoder": table.groups.encoder,
        "threshold": table.groups.threshold,
        "method": None if table.groups.options is None else table.groups.options.method,
        "key": table.groups.key,
        "scope": table.groups.scope,
        "tasks": len(grouped),
        "templates": None if tasks is None else tasks.n_templates,
        "template_ids": None if tasks is None else tasks.n_template_ids,
        "labels": len({released[task] for task in grouped}) if table.groups.source == "published" else None,
        "without_label": len(table.groups.without_label),
        "groups": len(labels),
        "reachable": len({table.capability(task) for task in grouped if not table.is_trivial(task)}),
        "trivial_source": table.trivial_source,
        "trivial_tasks": None if table.trivial is None else table.in_order(table.trivial & table.tasks.keys()),
        "names": {str(label): list(table.groups.names[label]) for label in labels},
    }
