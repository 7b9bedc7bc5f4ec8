"""Words into calls: one file a command, loaded when it is named, so that `--help` stays quick."""

from __future__ import annotations

import importlib
import io
import logging
import sys
import warnings
from typing import Any

import click

from tracewarp.cli._groups import Group
from tracewarp.errors import CollectionStoppedError, ModelUnavailableError, TracewarpError, TracewarpWarning

_PYTHONS_FORMAT = warnings.formatwarning

COMMANDS: dict[str, str] = {
    "collect": "let a policy act in an environment, and record every episode",
    "evaluate": "score runs against references, with intervals, and write a report",
    "judge": "judge the episodes of a run again, from the evidence in their records",
    "show": "read an episode in the terminal",
    "validate": "check a file of trajectories, line by line",
    "capabilities": "group tasks into capabilities, and say who joined whom",
    "improve": "let a model act, learn from its own trajectories, and measure what that gave",
    "filter": "choose trajectories to learn from without knowing the truth, and make examples",
    "train": "fine-tune a model with LoRA or QLoRA on examples",
    "merge": "write an adapter and its base as one model",
    "dedup": "keep the texts that differ enough from every text kept before",
    "study": "reproduce an experiment: how far the score can be trusted",
    "bench": "compare the DTW implementations that are installed, on shapes of your own",
    "doctor": "say what this installation has: core, threads, extras, encoders, browser, GPU",
    "arena": "six embedded web sites with their tasks: serve, check, parity, tasks",
    "demo": "let the model that ships improve itself on the embedded sites, and report",
}
"""Name -> one line of help. The command `x` is the click command `command` of `tracewarp.cli.x`."""


class LazyGroup(Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table above."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"tracewarp.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tracewarp", message="%(prog)s %(version)s")
def group() -> None:
    """Measure LLM agents by their trajectories.

    \b
    Examples:
      tracewarp demo
      tracewarp evaluate my-run.jsonl --references-from capability --out out/
      tracewarp evaluate a.jsonl b.jsonl --tasks tasks.json --references gold.jsonl --out out/
    """


def main(argv: list[str] | None = None) -> Any:
    """Run the command line. Exit codes: 0 done, 1 a check failed or a model's server did, 2 bad input, 130 Ctrl-C.

    An expected failure prints its sentence on stderr, never a traceback.
    """
    # What libraries tell those who call them is nothing that users of the command line can act on.
    warnings.filterwarnings("ignore", ".is_gradient_checkpointing. is deprecated", FutureWarning)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    warnings.formatwarning = _formatted
    try:
        group.main(args=argv, prog_name="tracewarp", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        words = io.StringIO()
        error.show(file=words)
        _say(words.getvalue().rstrip("\n"))
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. Finished work was saved.", err=True)
        sys.exit(130)
    except TracewarpError as error:
        _say(f"Error: {error}")
        sys.exit(1 if isinstance(error, (ModelUnavailableError, CollectionStoppedError)) else 2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _say(text: str) -> None:
    """Print an error. Its words may be those of a server, a page or a file: shown as they are, never obeyed."""
    from tracewarp.cli._terminal import printable  # loaded when it is needed: `--help` stays quick

    click.echo(printable(text), err=True)


def _formatted(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Warnings of this package as one sentence; those of others as Python shows them."""
    if issubclass(category, TracewarpWarning):
        return f"Warning: {message}\n"
    return _PYTHONS_FORMAT(message, category, filename, lineno, line)
