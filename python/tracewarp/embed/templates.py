"""Steps into text: what an encoder reads of a step, and in which order. See docs/definitions/step_templates.md."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from tracewarp.errors import OptionError
from tracewarp.trajectory.model import Step, Task

STEP_TEMPLATES = ("action_first", "paper", "split")
"""Names of the templates; `action_first` is the default."""

TEXT_TEMPLATE = "text"
"""The template of a text that is embedded as it is."""

UNPARSABLE = "[unparsable action]"
"""Stands where a step has no parsable action."""

_VERSION = 1
"""Raised whenever a template's text changes, so that cached rows of the old text are not found."""


class RenderedText(NamedTuple):
    """A text to embed, and the versioned id of the template (or the part of one) that made it."""

    template: str
    text: str


def check_template(template: str) -> str:
    """Return the name of a known template.

    Raises:
        OptionError: An unknown name.
    """
    if template not in STEP_TEMPLATES:
        raise OptionError(f"template: expected one of {', '.join(STEP_TEMPLATES)}, got {template!r}")
    return template


def template_id(template: str, *, include_reasoning: bool = False) -> str:
    """Return the versioned id of a template, e.g. `action_first/1` or `action_first+reasoning/1`.

    `paper` holds the whole response anyway, so that reasoning changes nothing there.

    Raises:
        OptionError: An unknown name.
    """
    reasoning = "+reasoning" if include_reasoning and template != "paper" else ""
    return f"{check_template(template)}{reasoning}/{_VERSION}"


def render_step(
    task: Task, step: Step, *, template: str = "action_first", include_reasoning: bool = False
) -> tuple[RenderedText, ...]:
    """Render a step under a template.

    Args:
        task: What was asked; its objective is part of the text.
        step: What was seen and done.
        template: `action_first`, `paper` or `split`.
        include_reasoning: Also the thought before the action (`action_first` and `split`).

    Returns:
        One text; for `split` two, the observation's and the action's.

    Raises:
        OptionError: An unknown template.
    """
    identity = template_id(template, include_reasoning=include_reasoning)
    if template == "paper":
        said = step.response if step.response is not None else step.action
        return (RenderedText(identity, _lines(step.observation.text, UNPARSABLE if said is None else said)),)
    origin, location = _split_url(step.observation.url)
    action = _lines(
        _one_line(UNPARSABLE if step.action is None else _without(origin, step.action)),
        _one_line(step.reasoning or "") if include_reasoning else "",
    )
    observation = _lines(_one_line(location), _one_line(task.objective), _without(origin, step.observation.text))
    if template == "split":
        return RenderedText(f"{identity}:observation", observation), RenderedText(f"{identity}:action", action)
    return (RenderedText(identity, _lines(action, observation)),)


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _one_line(text: str) -> str:
    """White space of any kind becomes one blank, so that each part of the head is one line."""
    return " ".join(text.split())


def _split_url(url: str | None) -> tuple[str, str]:
    """(scheme://host:port, the rest): the same site answers at another address in every installation."""
    if not url:
        return "", ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    origin = f"{parts.scheme}://{parts.netloc}"
    if not parts.netloc or not url.startswith(origin):
        return "", url
    return origin, url[len(origin) :] or "/"


def without_origin(url: str | None, text: str) -> str:
    """Return the text with the addresses of the page's own site cut down to their paths."""
    return _without(_split_url(url)[0], text)


def _without(origin: str, text: str) -> str:
    """The text with the page's own addresses cut down to their paths."""
    return text.replace(f"{origin}/", "/") if origin else text
