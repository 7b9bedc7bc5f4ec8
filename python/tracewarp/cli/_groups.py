"""Groups of commands: what all of them do with a name that no command has."""

from __future__ import annotations

import difflib

import click


class Group(click.Group):
    """Refuses an unknown name in one sentence, with the names that come near, whatever character it begins with.

    click before 8.2 takes a name that begins with a control character for an option, and prints the help.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first word.

        Raises:
            click.UsageError: no command has that name.
        """
        names, named = self.list_commands(ctx), args[0]
        if named not in names and not named.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(named, names, n=2)
            ctx.fail(f"No such command {named!r}." + (f" Did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)
