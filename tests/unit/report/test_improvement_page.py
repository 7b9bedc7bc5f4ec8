"""The page of an improvement, from hand-made results."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import pytest
from made_improvement import NAMES, made_improvement, success

from tracewarp.errors import FileError
from tracewarp.evaluate.improvement import Improvement
from tracewarp.report import improvement_rows, write_improvement_page
from tracewarp.report.curves import curve_plot, perplexity_ticks
from tracewarp.report.improvement import render

HOSTILE = "</style><img src=x onerror=alert(1)> {{7*7}} \"'&lt; \u202e \x1b[31m"
VOID = {"meta", "br", "img", "link"}


class Reader(HTMLParser):
    """Elements with attributes, the text of every table's cells; asserts that what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements, self.open, self.cells, self.ids = [], [], [], []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        self.ids += [value for key, value in attributes if key == "id"]
        if name not in VOID:
            self.open.append(name)
        if name in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data + " "


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    return reader


@pytest.fixture
def improved(make) -> Improvement:
    return made_improvement(make.scores(*[make.run(name, number) for number, name in enumerate(NAMES)]))


def test_every_figure_that_an_honest_report_needs_is_on_the_page(improved: Improvement) -> None:
    reader = read(render(improved))
    cells = [" ".join(cell.split()) for cell in reader.cells]
    for wanted in (
        "60.0 % [50.0, 70.0]",  # greedy
        "+8.4 pp [+3.1, +12.0], p < 0.001",  # gain, its interval, its p
        "base, temperature 0.5",  # the control of temperature
        "45.0 % [35.0, 55.0]",
        "50.0 % 2 of 4",  # infeasible tasks
        "91.2 % [87.2, 95.2]",  # capability
        "81.0 %",  # plausible
        "37, alone 36 precision 0.811, recall 0.326",
        "68, 66, 67; 66 of each",
        "61.2",  # seconds
    ):
        assert wanted in cells, wanted
    text = render(improved)
    assert "the habit of giving up was planted on purpose" in text
    assert "page:the acted-on id is not on the page: 7" in text
    assert "Best epoch 2 of 3, kept epoch 2." in text
    assert "Epoch 0 is the start: this agent is the one that it began with." in text


def test_a_control_asks_no_rules(improved: Improvement) -> None:
    assert "choice" not in render(improved)
    assert "random-A, round 1: answers refused" in render(improved)


def test_the_page_is_complete_and_asks_for_nothing(improved: Improvement) -> None:
    text = render(improved)
    reader = read(text)
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not re.search(r"""(?:src|srcset|action|data)\s*=|url\(|@import|https?://""", text)
    for _, attributes in reader.elements:
        assert not {key for key in attributes if key.startswith("on") or key == "style"}
        assert attributes.get("href", "#").startswith("#")


def test_the_policy_allows_the_page_s_own_style_alone(improved: Improvement) -> None:
    text = render(improved)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    policy = next(a["content"] for name, a in read(text).elements if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_text_of_others_stays_text(improved: Improvement) -> None:
    hostile = improved.model_copy(
        update={"notes": (HOSTILE,), "options": {**improved.options, "model": HOSTILE, HOSTILE: HOSTILE}}
    )
    text = render(hostile)
    assert "<img" not in text
    assert "49" not in text.replace("{{7*7}}", "") or "{{7*7}}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    read(text)


def test_an_improvement_without_sampled_runs_has_no_empty_columns(improved: Improvement) -> None:
    bare = improved.model_copy(
        update={
            "agents": tuple(
                agent.model_copy(update={"sampled": None, "cooled": None, "greedy": success(0.5, infeasible=None)})
                for agent in improved.agents
            )
        }
    )
    head, rows = improvement_rows(bare)
    assert head == ("Agent", "Greedy success")
    assert len(rows) == 3
    text = render(bare)
    assert "Infeasible" not in text
    read(text)


def test_the_terminal_s_rows_are_the_page_s(improved: Improvement) -> None:
    head, rows = improvement_rows(improved)
    cells = [" ".join(cell.split()) for cell in read(render(improved)).cells]
    assert set(head) <= set(cells)
    assert all(cell in cells for row in rows for cell in row)


def test_the_page_is_written_whole_or_not_at_all(improved: Improvement, tmp_path) -> None:
    write_improvement_page(improved, tmp_path / "new" / "improvement.html")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["improvement.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write_improvement_page(improved, tmp_path / "file" / "improvement.html")


def test_the_result_survives_json(improved: Improvement) -> None:
    assert Improvement.model_validate(json.loads(improved.model_dump_json())) == improved


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [1.05, 1.061], [800.0, 30.0, 1.2], [1e6, 1.0]])
def test_a_curve_has_at_least_two_labels_and_at_most_six(values: list[float]) -> None:
    low, high = min(map(math.log, values)) - 0.05, max(map(math.log, values)) + 0.05
    found = perplexity_ticks(low, high)
    assert 2 <= len(found) <= 6
    assert found == sorted(set(found))
    assert all(low - 1e-9 <= math.log(value) <= high + 1e-9 for value in found)


def test_a_curve_leaves_out_what_is_no_number() -> None:
    plot = curve_plot("k", "t", "d", [(0, 3.0), (1, math.inf), (2, math.nan), (3, 2.0)], kept=3)
    assert len(re.search(r'<polyline[^>]* points="([^"]*)"', plot)[1].split()) == 2
    assert "kept: epoch 3" in plot
    assert "nan" not in plot
    assert "inf" not in plot
