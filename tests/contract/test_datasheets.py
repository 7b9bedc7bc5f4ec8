"""The datasheets keep their word: the tests they name exist, and their examples run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATASHEETS = sorted((ROOT / "docs" / "definitions").glob("*.md"))


def known_tests():
    """Names of all tests, in Python and in Rust."""
    sources = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("rust/core/**/*.rs")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert re.search(r"def test_\w+", text)
    return set(re.findall(r"\b(?:def|fn) (\w+)", text))


@pytest.mark.parametrize("path", DATASHEETS, ids=lambda path: path.stem)
def test_a_named_test_exists(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    # A test's name is a claim: at least five words.
    named = {name for name in re.findall(r"`(\w+)`", text) if name.startswith("test_") or name.count("_") >= 4}
    assert named <= known_tests()


@pytest.mark.parametrize("path", DATASHEETS, ids=lambda path: path.stem)
def test_examples_run(path):
    if path.stem == "training":
        pytest.importorskip("peft", reason="needs the extra train")
    for example in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(example, path.name, "exec"), {})


def test_the_datasheets_of_alignment_and_scores_are_held_by_tests():
    named = " ".join(
        (ROOT / "docs" / "definitions" / f"{name}.md").read_text() for name in ("dtw", "vertex_dtw", "mmd")
    )
    assert len(set(re.findall(r"`(test_\w+)`", named))) >= 10
