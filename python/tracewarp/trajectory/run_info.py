"""`run.json` of a run folder: how the episodes beside it came about."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from tracewarp.errors import SchemaVersionError, UnreadableFileError
from tracewarp.trajectory.complaints import complaints
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import BYTE_ORDER_MARK
from tracewarp.trajectory.model import Record, Trajectory
from tracewarp.trajectory.paths import reason_of, require_regular_file
from tracewarp.trajectory.write import beside

RUN_INFO: Final = "run.json"
RUN_INFO_VERSION: Final = 1


class Session(Record):
    """One time that somebody collected into the folder."""

    started_at: str
    """ISO 8601, UTC."""
    workers: int
    versions: dict[str, str]
    """Of tracewarp, Python, the system and the packages that matter."""
    source: dict[str, Any] | None = None
    """`commit` and `dirty` of tracewarp's own checkout; None where it is installed."""


class RunInfo(Record):
    """The content of `run.json`."""

    schema_version: Literal[1] = RUN_INFO_VERSION
    name: str | None = None
    """What the run is called in tables; None: the folder's name."""
    config: dict[str, Any]
    """Everything that decides what is recorded; a run goes on only with the same."""
    driver: str | None = None
    agent: str | None = None
    model: str | None = None
    sampling: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    episodes: int = Field(ge=0)
    """How many there are when the run is complete."""
    started_at: str
    finished_at: str | None = None
    """None: it is not complete."""
    sessions: tuple[Session, ...] = ()

    def fill(self, trajectory: Trajectory) -> Trajectory:
        """The record with the provenance that it does not tell itself."""
        told = trajectory.provenance
        known = {"agent": self.agent, "model": self.model, "driver": self.driver, "sampling": self.sampling}
        missing = {name: value for name, value in known.items() if value and not getattr(told, name)}
        if not missing:
            return trajectory
        return trajectory.model_copy(update={"provenance": told.model_copy(update=missing)})


def read_run_info(folder: Path) -> RunInfo | None:
    """Read `run.json` of a run folder; None where there is none, or one of somebody else's (no `schema_version`).

    Raises:
        UnreadableFileError: it is there and cannot be read.
        SchemaVersionError: of a version that this release does not know.
    """
    path = folder / RUN_INFO
    require_regular_file(path, missing_ok=True)
    try:
        value, _ = parse_json(path.read_bytes().removeprefix(BYTE_ORDER_MARK))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnreadableFileError(f"{path}: cannot be read ({reason_of(error)})") from None
    except BadJsonError as error:
        raise UnreadableFileError(f"{path}: {error}") from None
    if not isinstance(value, dict) or "schema_version" not in value:
        return None
    version = value["schema_version"]
    if type(version) is int and version != RUN_INFO_VERSION:
        raise SchemaVersionError(
            f"{path}: schema_version {version}; this release of tracewarp reads version {RUN_INFO_VERSION}"
        )
    try:
        return RunInfo.model_validate(value)
    except ValidationError as error:
        raise UnreadableFileError(f"{path}: {complaints(error, RunInfo)}") from None


def write_run_info(info: RunInfo, folder: Path) -> None:
    """Write `run.json`: beside, then renamed.

    Raises:
        FileError: the system refuses to write.
    """
    with beside(folder / RUN_INFO) as file:
        file.write(info.model_dump_json(indent=1).encode("utf-8") + b"\n")
