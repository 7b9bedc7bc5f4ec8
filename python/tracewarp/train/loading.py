"""Whatever loading a stranger's files raises, as one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tracewarp.errors import TracewarpError, TrainingError


@contextlib.contextmanager
def load_errors(what: str) -> Iterator[None]:
    """Turn an error of transformers, tokenizers or safetensors into a `TrainingError` that begins with `what`.

    These packages check little of what they read, so that broken files raise exceptions of any type. Memory that runs
    out is no fault of the files and goes on.
    """
    try:
        yield
    except TracewarpError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError) or _is_out_of_memory(error):
            raise
        raise TrainingError(f"{what} could not be loaded: {in_one_line(error)}") from error


def in_one_line(error: BaseException) -> str:
    """Return the first lines of an error as one line, at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300] or type(error).__name__


def shortened(name: str) -> str:
    """Return the name of a model for a message."""
    return repr(name if len(name) <= 200 else f"{name[:200]}...")


def _is_out_of_memory(error: Exception) -> bool:
    """A GPU's error has a class of its own, the computer's has only words."""
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
