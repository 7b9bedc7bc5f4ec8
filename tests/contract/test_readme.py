"""The README's tree is the disk's, its example runs, and no document points at a file that is not there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TREE = re.search(r"```text\n(.*?)```", README, re.S)
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def tree_paths() -> set[str]:
    """Paths in the README's tree; two blanks of indent are one level."""
    assert TREE, "the README has no tree"
    found, stack = set(), []
    for line in TREE.group(1).splitlines():
        name = line.split()[0]
        level = (len(line) - len(line.lstrip())) // 2
        stack = [*stack[:level], name.rstrip("/")]
        found.add("/".join(stack))
    return found


def test_every_path_of_the_tree_is_on_disk() -> None:
    assert [path for path in sorted(tree_paths()) if not (ROOT / path).exists()] == []


def test_every_folder_of_the_package_is_in_the_tree() -> None:
    package = ROOT / "python" / "tracewarp"
    folders = {
        str(path.parent.relative_to(ROOT)) for path in package.rglob("__init__.py") if path.parent.parent == package
    }
    crates = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "rust").glob("*/Cargo.toml")}
    assert folders | crates <= tree_paths()


def test_the_example_runs_and_prints_what_it_says() -> None:
    block = re.search(r"```python\n(.*?)```", README, re.S)
    assert block, "the README has no example"
    assert len(block.group(1).strip().splitlines()) <= 12
    expected = [line.split("# -> ")[1] for line in block.group(1).splitlines() if "# -> " in line]
    assert expected
    out = subprocess.run([sys.executable, "-W", "error", "-c", block.group(1)], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert out.stdout.splitlines() == expected


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{path.name} points at {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_examples_of_the_documents_parse(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
        compile(block, str(path), "exec")
