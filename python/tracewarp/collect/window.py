"""The part of an observation that fits into an agent's budget: the runner's own window on a page.

definition  The first window is the beginning of the text, cut at the budget. The next one begins with the line at which
            that cut fell, under the line of the tabs, and so on to the end. `scroll [down]` and `scroll [up]` move by
            one window; every other action leaves the window where it is, and another page begins at its top again.
source      `scroll` moves WebArena's viewport; here observations are whole pages, of which an agent would never see
            what lies beyond its budget.
"""

from __future__ import annotations

from collections.abc import Callable

from tracewarp.collect.policy import View
from tracewarp.envs.web.actions import ActionSyntaxError, parse_action

Cut = Callable[[str, int], str]
"""Text and budget -> its beginning."""


class ObservationWindow:
    """The window of one episode.

    Args:
        cut: cuts a text to the model's tokens.
        budget: tokens of one window.
        moves: False: the window stays at the top of every page.
    """

    def __init__(self, cut: Cut, budget: int, *, moves: bool = True) -> None:
        self._cut = cut
        self._budget = budget
        self._moves = moves
        self._page: tuple[str | None, str | None] | None = None
        self.number = 0
        """Which window is shown, from 0."""

    def show(self, view: View) -> str:
        """Return the text that is shown of a view; every later attempt at the same step sees the same."""
        page = (view.observation.url, view.observation.title)
        if page != self._page:
            self._page, self.number = page, 0
        elif self._moves and view.attempt == 0:
            self.number = max(0, self.number + _scrolled(view))
        self.number, shown = self._window(view.observation.text, self.number)
        return shown

    def _window(self, text: str, wanted: int) -> tuple[int, str]:
        """The window of a number, or the last one where there are fewer."""
        head = text.partition("\n")[0] + "\n\n"
        shown = self._cut(text, self._budget)
        rest = text[_whole_lines(shown, text) :]
        for number in range(wanted):
            if not rest:
                return number, shown
            shown = self._cut(head + rest, self._budget)
            done = _whole_lines(shown, head + rest) - len(head)
            if done <= 0:  # one line alone is longer than the budget: what does not fit is passed over
                done = rest.find("\n") + 1 or len(rest)
            rest = rest[done:]
        return wanted, shown


def _scrolled(view: View) -> int:
    """By how many windows the last action moved: 1, 0 or -1."""
    action = view.previous_action or ""
    if view.previous_error is not None or not action.startswith("scroll"):
        return 0
    try:
        return {"down": 1, "up": -1}.get(parse_action(action).text or "", 0)
    except ActionSyntaxError:
        return 0


def _whole_lines(shown: str, text: str) -> int:
    """How many characters of a text were shown in whole lines."""
    return len(text) if len(shown) >= len(text) else shown.rfind("\n") + 1
