"""Every command has help, an example and a place in the docs."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tracewarp.cli import COMMANDS, group

ROOT = Path(__file__).parents[2]
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(group, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert re.search(rf"Examples?:(\n.*)*\n\s+tracewarp {name}\b", result.output), "no example in the help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_place_in_the_docs(name: str) -> None:
    assert f"tracewarp {name}" in DOCS


def test_every_command_file_is_in_the_table() -> None:
    files = {path.stem for path in (ROOT / "python" / "tracewarp" / "cli").glob("*.py")}
    public = {name for name in files if not name.startswith("_")}
    assert public == set(COMMANDS)
