"""`tracewarp merge`: an adapter and its base into one model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from tracewarp.cli._training import named_base
from tracewarp.train import merge

ENOUGH = 0.9
"""A warning is printed if rounding keeps a smaller share of the update."""
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("merge", short_help="write an adapter and its base as one model")
@click.argument("adapter", type=_FOLDER)
@click.option("--out", type=_FOLDER, required=True, help="Folder of the merged model; it must not be there yet.")
@click.option("--base", help="Folder or name of the base, or tiny-agent; otherwise the base that the adapter names.")
@click.option(
    "--dtype", type=click.Choice(["auto", "float32"]), default="auto", show_default=True,
    help="Data type of the merged weights: the base's own, or float32, which keeps small updates.",
)  # fmt: skip
def command(adapter: Path, out: Path, base: str | None, dtype: Literal["auto", "float32"]) -> None:
    """Add the updates of ADAPTER to the weights of its base, for servers that take no adapters.

    \b
    Example:
      tracewarp merge trained/adapter --out merged
    """
    merged = merge(adapter, out, base=None if base is None else named_base(base), dtype=dtype)
    click.echo(str(merged.folder))
    if merged.kept < ENOUGH:
        click.echo(
            f"Rounding to {merged.dtype} kept {merged.kept:.0%} of the update. Use --dtype float32 to keep all of it.",
            err=True,
        )
