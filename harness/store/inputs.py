"""The files that a run keeps, as what its cells are handed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from harness.scenario.cell import CellSpec
from harness.scenario.inputs import InputFiles, Inputs, draws_key

# Before the path of a plug-in's file, among the files of no scenario.
PLUGIN_FILE = "plug-in:"


class StoredInputs:
    """
    What the cells of a run are handed beside their specs.

    Args:
        rows: The run's table of files: scenario, name, content; those of none are of plug-ins, or what torch drew.

    Attributes:
        files: The bytes of each scenario's files, by name.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        for row in rows:
            self.files.setdefault(row["scenario"], {})[row["name"]] = row["content"]

    @property
    def of_plugins(self) -> dict[str, bytes]:
        """The files of plug-ins, by the paths that they had when the run was made."""
        found = self.files.get("", {}).items()
        return {name.removeprefix(PLUGIN_FILE): content for name, content in found if name.startswith(PLUGIN_FILE)}

    @cached_property
    def _read(self) -> dict[str, InputFiles]:
        return {name: InputFiles(contents.__getitem__) for name, contents in self.files.items()}

    def of(self, scenario: str, spec: CellSpec) -> Inputs:
        """
        What a cell of this scenario is handed.

        Raises:
            LookupError, ValueError: If a file is not there, or is damaged.
        """
        found = self._read.get(scenario, _NO_FILES).of(spec)
        key = draws_key(spec)
        if not key:
            return found
        draws = json.loads(self.files[""][key])
        return replace(found, key=found.key + key, draws=tuple(map(tuple, draws)))


_NONE: dict[str, bytes] = {}
_NO_FILES = InputFiles(_NONE.__getitem__)
