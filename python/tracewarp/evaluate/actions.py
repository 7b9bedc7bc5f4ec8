"""What an action does, apart from the ids of one page: the sequences that action edit similarity compares.

Two actions are equal when their verb, their text argument and their element's role and name are equal. Definition:
docs/definitions/evaluation.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracewarp.embed.templates import without_origin
from tracewarp.envs.web.actions import Action, ActionSyntaxError, parse_action
from tracewarp.trajectory.actions import action_verb
from tracewarp.trajectory.model import Step


class ActionIdentity(NamedTuple):
    """Everything by which an action is compared."""

    verb: str | None
    """WebArena's name of the verb, whichever dialect the action is written in; None: the step has no action."""
    text: str = ""
    """What is typed, pressed, opened or answered, without the address of the page's own site."""
    role: str | None = None
    """Role of the element; None: the action names no element, or the observation does not list it."""
    name: str | None = None


_FIRST_ARGUMENT = re.compile(r"""\s*[\[(]\s*['"]?(?P<id>[\w.-]+)['"]?\s*[\]),]\s*""")
"""The first argument in either dialect: `[a12]`, `('a12', `."""
_ELEMENT = r"""^[ \t]*\[%s\] (?P<role>[^\s,]+)(?: (?P<name>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))?"""
"""A line of an accessibility tree with a given id: `[12] link 'Home'`."""


def action_identity(step: Step) -> ActionIdentity:
    """Read what a step did. Actions outside the grammar of web actions are compared by verb, element and other text."""
    if step.action is None:
        return ActionIdentity(None)
    page = step.observation
    try:
        action = parse_action(step.action)
    except ActionSyntaxError:
        return _of_other_grammar(step.action, page.text, page.url)
    element = None if action.element is None else _element(str(action.element), page.text)
    return ActionIdentity(action.verb, without_origin(page.url, _text(action)), *(element or (None, None)))


def _text(action: Action) -> str:
    return str(action.tab) if action.tab is not None else action.text or ""


def _of_other_grammar(action: str, page: str, url: str | None) -> ActionIdentity:
    """An agent's own verb, or an id that is not a number: the first argument is an element if the page lists it."""
    rest = re.sub(r"^[^\[(]*", "", action, count=1)
    first = _FIRST_ARGUMENT.match(rest)
    element = None if first is None else _element(first["id"], page)
    if first is not None and element is not None:
        rest = rest[first.end() :]
    return ActionIdentity(action_verb(action), " ".join(without_origin(url, rest).split()), *(element or (None, None)))


def _element(element: str, page: str) -> tuple[str, str | None] | None:
    """(role, name) of the element that the page lists under an id."""
    found = re.search(_ELEMENT % re.escape(element), page, re.MULTILINE)
    return None if found is None else (found["role"], found["name"])
