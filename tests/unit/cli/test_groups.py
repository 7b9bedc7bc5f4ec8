"""A name that no command has is refused in one sentence, with the names that come near."""

import pytest
from click.testing import CliRunner

from tracewarp.cli import group


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["colect"], "No such command 'colect'. Did you mean collect?"),
        (["arena", "serv"], "No such command 'serv'. Did you mean serve?"),
        (["xyz"], "No such command 'xyz'."),
        (["\x1b[2J"], "No such command '\\x1b[2J'."),
        (["\udcff"], "No such command '\\udcff'."),
        (["arena", "\x1b[2J"], "No such command '\\x1b[2J'."),
    ],
)
def test_an_unknown_command_is_refused_with_the_nearest_names(words: list[str], said: str) -> None:
    ended = CliRunner().invoke(group, words)
    assert ended.exit_code == 2
    assert ended.output.strip().splitlines()[-1] == f"Error: {said}"
