"""One file a format: how the records of others become trajectories."""

from __future__ import annotations

__all__: list[str] = []
