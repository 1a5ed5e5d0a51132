"""Which run a file comes from, and with which versions it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.frames.run import Run
from harness.store.schema import SCHEMA

# Of all packages in the environment, those that decide the numbers and these tables.
_VERSIONS = ("harness", "python", "numpy", "torch", "pandas")


@dataclass(frozen=True)
class Origin:
    """
    Where a file's numbers come from.

    Args:
        run: The run's name.
        schema: Number of the run file's schema.
        versions: By package; where hosts differ, each of theirs; without those that the run does not know.
        facts: Of its environment, by key, of the host that came first.
        hosts: Machines that ran cells.
        started: When the run started, seconds since 1970; None before it has.
    """

    run: str
    schema: int
    versions: dict[str, str]
    facts: dict[str, str]
    hosts: tuple[str, ...]
    started: float | None

    @classmethod
    def of(cls, run: Run) -> Origin:
        """That of a run."""
        rows = run.environment.to_dict("records")
        values: dict[str, list[str]] = {}
        for row in rows:
            values.setdefault(str(row["key"]), []).append(str(row["value"]))
        versions = {key: ", ".join(dict.fromkeys(values[key])) for key in _VERSIONS if key in values}
        attempts = run.file.attempts
        return cls(
            run=run.file.name,
            schema=SCHEMA,
            versions=versions,
            facts={key: found[0] for key, found in values.items()},
            hosts=tuple(dict.fromkeys(str(row["host"]) for row in rows)),
            started=float(attempts[0]["started"]) if attempts else None,
        )

    @property
    def labels(self) -> dict[str, str]:
        """Run, schema and versions as words, for places that hold nothing else."""
        return {"run": self.run, "run schema": str(self.schema), **self.versions}

    def stamped(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with run and versions as its last columns, for csv."""
        return frame.assign(**self.stamps)

    @property
    def stamps(self) -> dict[str, Any]:
        """These columns, with the value that every row has."""
        return {"run": self.run, "harness_version": self.versions.get("harness", ""), "run_schema": self.schema}

    @property
    def head(self) -> dict[str, Any]:
        """The same for files that can say it once."""
        return {
            "versions": {**self.versions, "run_schema": str(self.schema)},
            "run": {"name": self.run, "started": self.started, "hosts": list(self.hosts)},
        }
