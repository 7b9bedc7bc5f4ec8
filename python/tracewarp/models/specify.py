"""A model from one string, as the command line names it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from tracewarp.errors import OptionError
from tracewarp.models.base import Model
from tracewarp.models.cache import CachedModel, ResponseCache
from tracewarp.models.hf import TINY_AGENT, TransformersModel
from tracewarp.models.openai import OpenAIModel
from tracewarp.models.tokens import open_tokenizer


def open_model(
    text: str,
    *,
    base_url: str | None = None,
    tokenizer: str | None = None,
    response_cache: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Open the model that a string names.

    Args:
        text: `openai:NAME` is a model behind an OpenAI-compatible server, `hf:NAME_OR_FOLDER` one in this process; an
            `hf` model takes an adapter after a plus sign, `hf:FOLDER+ADAPTER`; `tiny-agent` (or `hf:tiny-agent`) is the
            model that ships.
        base_url: of the server; None: the variable OPENAI_BASE_URL.
        tokenizer: name or folder of the tokenizer that counts tokens for a server's model.
        response_cache: sqlite file that keeps every answer by its whole request.
        options: further arguments of `OpenAIModel` or `TransformersModel`.

    Raises:
        OptionError: a string of another form, an unknown option, or a value that an option does not take.
        ModelError: a model that cannot be loaded.
    """
    kind, name, adapter = parse_model(text)
    extra = dict(options or {})
    check_settings(extra, model_settings(kind))
    model: Model
    if kind == "openai":
        tokens = open_tokenizer(tokenizer) if tokenizer else None
        model = OpenAIModel(name, base_url=base_url, tokens=tokens, **extra)
    else:
        model = TransformersModel(name, adapter=adapter, **extra)
    return CachedModel(model, ResponseCache(response_cache)) if response_cache else model


def parse_model(text: str) -> tuple[Literal["openai", "hf"], str, str | None]:
    """Take a model's string apart: its kind, its name, and an adapter.

    Raises:
        OptionError: a string of another form.
    """
    kind, _, name = text.partition(":")
    if text.partition("+")[0] == TINY_AGENT:
        kind, name = "hf", text
    if kind == "openai" and name:
        return "openai", name, None
    base, _, adapter = name.partition("+")
    if kind != "hf" or not base:
        raise OptionError(
            f"model: expected openai:NAME, hf:NAME_OR_FOLDER[+ADAPTER] or {TINY_AGENT}[+ADAPTER], got {text!r}"
        )
    return "hf", base, adapter or None


def model_settings(kind: Literal["openai", "hf"]) -> tuple[str, ...]:
    """Names of the options that `open_model` accepts for a kind of model."""
    made = OpenAIModel if kind == "openai" else TransformersModel
    others = {"self", "name", "adapter", "base_url", "tokens", "sleep"}
    return tuple(name for name in inspect.signature(made.__init__).parameters if name not in others)


def check_settings(given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse unknown names of settings.

    Raises:
        OptionError: an unknown one; the message names the nearest known one.
    """
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise OptionError(f"model: unknown setting {name!r}; {hint}known settings: {', '.join(sorted(known))}")
