"""Specs of many cells from their JSON, what they share validated once."""

from __future__ import annotations

import json
from typing import Any

from harness.scenario.cell import CellSpec

# What stands before it is data, model, start and training: the same in most cells of a scenario.
_FIRST_OWN = ', "implementation": '
_SHARED = ("data", "model", "init", "training")


class SpecReader:
    """
    Reads specs as the run file has them.

    Validating each of 20,000 whole takes 5 s, and each would hold its own copy of the tables.
    """

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Any]] = {}

    def __call__(self, text: str) -> CellSpec:
        """
        The spec of this JSON.

        Raises:
            ValueError: If it is none.
        """
        shared, found, own = text.rpartition(_FIRST_OWN)
        if not found:
            return CellSpec.model_validate_json(text)
        if shared not in self._tables:
            spec = CellSpec.model_validate_json(text)
            self._tables[shared] = {name: getattr(spec, name) for name in _SHARED}
            return spec
        return CellSpec.model_validate({**self._tables[shared], **json.loads(f'{{"implementation": {own}')})
