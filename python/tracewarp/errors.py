"""Every exception that tracewarp raises, on one page.

Two families under one root: an argument is wrong (`InputError`, also a `ValueError`), or a file is (`FileError`).
Each message is one sentence that names the argument or the file, what came, and what was expected.
"""

from __future__ import annotations


class TracewarpError(Exception):
    """The root: catch this to catch whatever tracewarp raises on purpose."""


class TracewarpWarning(UserWarning):
    """What the user should know about a run that goes on."""


class InputError(TracewarpError, ValueError):
    """An argument is not what the function takes."""


class EmptyInputError(InputError):
    """A sequence or a set without rows where at least one is needed."""


class ShapeError(InputError):
    """An array of the wrong number of axes, or arrays whose sizes disagree."""


class DtypeError(InputError):
    """Not an array of float16, float32 or float64 (or not the integers that an index array needs)."""


class LayoutError(InputError):
    """Rows that are not C-contiguous, where the binary reads them in place."""


class NonFiniteError(InputError):
    """NaN or infinity; the message names argument and row."""


class ZeroVectorError(InputError):
    """A row of length zero, whose cosine is undefined; `zero="orthogonal"` gives it a meaning."""


class OffsetsError(InputError):
    """Offsets of a ragged set that do not start at 0, ascend, and end at the number of rows."""


class RowIndexError(InputError, IndexError):
    """An index outside its set (negative ones too)."""


class OptionError(InputError):
    """An option outside its range, or an unknown name for one."""


class TooLargeError(InputError):
    """A result that would not fit in memory; the message gives the number of bytes."""


class FileError(TracewarpError):
    """A file is not what the reader takes."""


class UnreadableFileError(FileError):
    """A file that is missing, truncated beyond use, or of no known format."""


class RecordError(FileError):
    """One record (line) of a file that could not be read; strict readers raise it."""


class SchemaVersionError(FileError):
    """A record of a schema version that this release does not know."""


class DuplicateKeyError(FileError):
    """The same (task, repeat) twice in one run."""


class EmptyRunError(FileError):
    """A run without a single episode."""


class MissingExtraError(TracewarpError):
    """A package of an extra is needed and not installed; the message names the extra."""


class EncoderError(TracewarpError):
    """An encoder that is unknown, or a model that could not be loaded."""


class CacheError(TracewarpError):
    """An embedding cache that cannot be opened, or rows in it that do not fit the encoder."""


class EnvironmentFailure(TracewarpError):  # noqa: N818 (the world failed; named as the record names it)
    """The world failed, not the agent: a site is down, a browser crashed, a page never came. Episodes end with it."""


class ModelError(TracewarpError):
    """A model that gave no answer: unreachable, refused, timed out for good, or not loadable."""


class ModelUnavailableError(ModelError):
    """A model server that could not be reached, refused the request, or sent an error; says nothing about the agent."""


class PolicyError(TracewarpError):
    """A policy that is unknown, or whose factory did not give one."""


class CollectionStoppedError(TracewarpError):
    """So many episodes in a row ended in an error that the collection stopped; what was finished is saved."""


class RunLockedError(TracewarpError):
    """Another process is writing into this run folder."""


class RunMismatchError(TracewarpError):
    """A run folder that was begun with other settings than those it is to go on with."""


class TrainingError(TracewarpError):
    """Training that cannot go on: a loss that is no number, memory that ran out, an adapter of another base."""
