"""Where everything of an improvement lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracewarp.errors import RunMismatchError
from tracewarp.improve.options import Arm, ImproveOptions
from tracewarp.trajectory.json_files import read_json_object
from tracewarp.trajectory.write import beside, make_folder


@dataclass(frozen=True, slots=True)
class Folders:
    """Paths below one folder."""

    out: Path

    @property
    def oracle(self) -> Path:
        """Known solutions of the test tasks: the references of VERTEX_DTW."""
        return self.out / "oracle"

    def agent(self, arm: Arm | None, round_number: int) -> Path:
        """Of an agent: its test runs; of an arm also what it learnt from."""
        return self.out / "base" if arm is None else self.out / f"round-{round_number}" / arm.name

    def collected(self, arm: Arm, round_number: int) -> Path:
        """The training tasks' episodes: in round 1 of the base, shared by all arms."""
        if round_number == 1:
            return self.out / "round-1" / "collected"
        return self.agent(arm, round_number) / "collected"

    def out_of_domain(self, arm: Arm, round_number: int) -> Path:
        """Generated examples: in round 1 shared by the arms of a selection."""
        if round_number == 1:
            return self.out / "round-1" / f"out-of-domain-{arm.selection}"
        return self.agent(arm, round_number) / "out-of-domain"

    def begin(self, options: ImproveOptions) -> None:
        """Note the options; refuse to go on with others.

        Raises:
            RunMismatchError: the folder was begun with other options.
        """
        path = self.out / "options.json"
        wanted = json.loads(json.dumps(options.to_dict()))
        if path.is_file():
            begun = read_json_object(path)
            # These change nothing that is finished.
            free = ("workers", "device", "rounds")
            usual = json.loads(json.dumps(ImproveOptions(options.model).to_dict()))
            for name in wanted:
                was = begun.get(name, usual[name])  # an option that came later had its default
                if name not in free and was != wanted[name]:
                    raise RunMismatchError(
                        f"{self.out}: was begun with {name} {was}, not {wanted[name]}; choose another "
                        "folder, or the options it was begun with"
                    )
        write_json(path, wanted)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write beside, then rename."""
    make_folder(path.parent)
    with beside(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))
