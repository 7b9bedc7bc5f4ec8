import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tracewarp.errors import FileError
from tracewarp.report import page, write_report

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %} {# #}",
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "\"'`&lt;&amp;",
    "日本語 👩\u200d💻 \u202e reversed \u2028 \x00 \x1b[31m \ud800",
    "x" * 5000,
)
VOID = {"meta", "input", "br", "hr", "img", "link"}


class Reader(HTMLParser):
    """Elements with their attributes, texts by element, and whether every element that opens closes."""

    def __init__(self):
        super().__init__()
        self.elements, self.open, self.texts = [], [], {}

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        key = self.open[-1] if self.open else None
        self.texts.setdefault(key, []).append(data)

    def all(self, name):
        return [attributes for element, attributes in self.elements if element == name]


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def rows_of(text):
    data = re.search(r'<script type="application/json" id="task-data">(.*?)</script>', text, re.DOTALL)
    return json.loads(data[1])


@pytest.fixture
def three(make):
    return make.scores(*[make.run(f"run-{number}", number) for number in range(3)])


@pytest.fixture
def written(tmp_path):
    def write(scores):
        write_report(scores, tmp_path / "report.html")
        return (tmp_path / "report.html").read_text("utf-8")

    return write


def test_every_element_closes_and_ids_are_unique(three, written):
    reader = read(written(three))
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(name, "").split()) <= set(ids)


def test_nothing_is_fetched(make, written):
    text = written(make.scores(make.run("a", 1), make.run("b", 2)))
    for name, attributes in read(text).elements:
        assert name not in ("link", "img", "iframe", "object", "embed", "base", "audio", "video", "use")
        assert not attributes.keys() & {"src", "srcset", "action", "formaction", "data", "poster", "style"}
        assert attributes.get("href", "#").startswith("#")
        assert not any(key.startswith("on") for key in attributes)
    assert "@import" not in text and "url(" not in text and "http://" not in text and "https://" not in text


def test_the_policy_allows_our_own_script_and_style_alone(make, written):
    text = written(make.bare_scores())
    policy = next(a["content"] for a in read(text).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for element in ("style", "script"):
        inner = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(make, written, hostile):
    run = make.run(hostile, 1, 12, objective=hostile, notes=(hostile,))
    run = run.model_copy(
        update={
            "path": hostile,
            "sites": tuple(site.model_copy(update={"site": hostile}) for site in run.sites[:1]),
            "episodes": tuple(
                episode.model_copy(update={"task": hostile, "site": hostile, "reference": hostile, "ending": hostile})
                for episode in run.episodes
            ),
            "vertex_dtw": run.vertex_dtw.model_copy(update={"encoder": hostile, "step_template": hostile}),
        }
    )
    scores = make.scores(run, make.run("other", 2, 12)).model_copy(
        update={
            "settings": {hostile: {hostile: hostile}},
            "capabilities": {"names": {hostile: [hostile]}, hostile: [{}]},
        }
    )
    text = written(scores)
    reader = read(text)
    assert len(reader.all("script")) == 2
    assert not reader.all("img")
    assert not any("onload" in attributes for attributes in reader.all("svg"))
    assert "49 " not in " ".join(reader.texts.get("h1", []))
    assert rows_of(text)["rows"]


def test_objectives_come_back_as_they_were(make, written):
    objective = 'Buy </script> & "tea" 日本'
    text = written(make.scores(make.run("a", 1, 10, objective=objective)))
    assert rows_of(text)["objectives"] == [objective]


def test_capabilities_bear_the_name_of_their_first_template(make, written):
    assert rows_of(written(make.scores(make.run("a", 1))))["capabilities"] == {"0": "Find the {{n}}th product"}


def test_every_episode_has_a_row(three, written):
    data = rows_of(written(three))
    assert len(data["rows"]) == sum(len(run.episodes) for run in three.runs)
    assert data["left_out"] == 0
    first = three.runs[1].episodes[0]
    row = next(row for row in data["rows"] if row[0] == 1)
    assert row[1] == first.task and row[8] is first.success and row[9] == first.vertex_dtw
    assert data["sites"][row[4]] == first.site and data["endings"][row[14]] == first.ending


def test_three_runs_of_812_episodes_stay_below_five_megabytes(make, tmp_path):
    objective = (
        "Tell me the email address of the contributor who has the most commits to branch {} & 'other' <things> " * 2
    )
    scores = make.scores(*[make.run(f"run-{number}", number, 812, objective=objective) for number in range(3)])
    write_report(scores, tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 5_000_000


def test_rows_that_do_not_fit_are_counted(make, written, monkeypatch):
    monkeypatch.setattr(page, "TABLE_BYTES", 3_000)
    scores = make.scores(make.run("a", 1, 200), make.run("b", 2, 200))
    text = written(scores)
    data = rows_of(text)
    assert 0 < len(data["rows"]) < 400
    assert data["left_out"] == 400 - len(data["rows"])
    assert f"{data['left_out']} further episodes did not fit" in text


def test_a_run_without_any_figure_has_a_page(make, written):
    text = written(make.bare_scores())
    assert "not scored, because no references were given" in text
    assert text.count("not scored, see the notes") == 2
    assert '<section id="comparisons"' not in text


def test_scores_that_are_not_finite_are_told_as_missing(make, written):
    run = make.run("a", 1, 12)
    mean = replace(run.vertex_dtw.mean, value=float("nan"), interval=None)
    vertex = run.vertex_dtw.model_copy(update={"mean": mean, "chance": float("inf")})
    episodes = tuple(e.model_copy(update={"vertex_dtw": float("nan")}) for e in run.episodes)
    text = written(make.scores(run.model_copy(update={"vertex_dtw": vertex, "episodes": episodes})))
    assert not re.search(r'="[^"]*\b(nan|inf)\b', text)


def test_encoder_and_template_stand_beside_the_vertex_figures(make, written):
    text = written(make.scores(make.run("a", 1), make.run("b", 2)))
    assert text.count("encoder hashed, template action_first") == 2
    for caption in ("headline-caption", "sites-caption", "tasks-caption"):
        assert "hashed, action_first" in re.search(rf'<caption id="{caption}">(.*?)</caption>', text, re.DOTALL)[1]
    assert all("hashed" in found for found in re.findall(r"<figcaption>([^<]*VERTEX_DTW of[^<]*)<", text))


def test_tables_have_captions_and_scopes(make, written):
    reader = read(written(make.scores(make.run("a", 1), make.run("b", 2))))
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all("scope" in attributes for attributes in reader.all("th"))
    assert {"header", "nav", "main", "footer"} <= {name for name, _ in reader.elements}


def test_plots_have_titles_and_descriptions(make, written):
    reader = read(written(make.scores(make.run("a", 1), make.run("b", 2))))
    plots = [attributes for attributes in reader.all("svg") if attributes.get("class") == "plot"]
    assert len(plots) == len(reader.all("figure")) == 10
    assert all(len(attributes["aria-labelledby"].split()) == 2 for attributes in plots)


def test_the_same_scores_give_the_same_bytes(make, tmp_path):
    scores = make.scores(make.run("a", 1), make.run("b", 2))
    for name in ("one.html", "two.html"):
        write_report(scores, tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_a_missing_folder_is_made_and_nothing_else_is_left_in_it(make, tmp_path):
    write_report(make.bare_scores(), tmp_path / "a" / "b" / "report.html")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_is_named(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"file.report\.html: the report cannot be written"):
        write_report(make.bare_scores(), tmp_path / "file" / "report.html")


def test_an_older_report_stays_whole_where_the_new_one_fails(make, tmp_path, monkeypatch):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(FileError):
        write_report(make.bare_scores(), tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
