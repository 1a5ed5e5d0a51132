"""The values of `--set KEY=VALUE` and `--only AXIS=V,V`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from harness.errors import UserError
from harness.scenario.expansion import same
from harness.scenario.faults import nearest, one_of
from harness.scenario.read import Scenario


def settings(arguments: Iterable[str]) -> dict[str, Any]:
    """
    Dotted keys and values of `--set`, values written as in TOML; a bare word is a text.

    Raises:
        UserError: If an argument has no `=`, or is about expectations or gates.
    """
    changes = dict(_split(argument, "--set", "KEY=VALUE") for argument in arguments)
    for key in changes:
        if key.partition(".")[0].partition("[")[0] in ("expect", "gates"):
            raise UserError(f"--set {key}: expectations and gates are about the file as it is; change the file.")
    return changes


def only(arguments: Iterable[str], scenarios: Sequence[Scenario]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """
    Axes and the values that stay.

    Raises:
        UserError: If no scenario has that axis or that value.
    """
    result = []
    for argument in arguments:
        axis, _, text = argument.partition("=")
        if not text:
            raise UserError(f"--only {argument}: must be AXIS=VALUE,VALUE.")
        values = _values(text)
        _must_exist(argument, axis, values, scenarios)
        result.append((axis, values))
    return tuple(result)


def _must_exist(argument: str, axis: str, values: tuple[Any, ...], scenarios: Sequence[Scenario]) -> None:
    cells = [cell for scenario in scenarios for cell in scenario.cells]
    axes = dict.fromkeys(name for cell in cells for name in cell.axes)
    if axis not in axes:
        raise UserError(f"--only {argument}: no axis {axis!r}; the axes are {one_of(axes)}{nearest(axis, axes)}.")
    for wanted in values:
        if not any(axis in cell.axes and same(cell.axes[axis], wanted) for cell in cells):
            levels = dict.fromkeys(str(cell.axes[axis]) for cell in cells if axis in cell.axes)
            raise UserError(f"--only {argument}: {axis} is never {wanted}; it is {one_of(list(levels)[:12])}.")


def _split(argument: str, option: str, form: str) -> tuple[str, Any]:
    key, sign, text = argument.partition("=")
    if not key or not sign:
        raise UserError(f"{option} {argument}: must be {form}.")
    return key.strip(), _value(text)


def _values(text: str) -> tuple[Any, ...]:
    """`0.1,0.2` and `[1.0,2.0],[3.0,4.0]` as TOML has them; else words and values between commas."""
    try:
        return tuple(_as_toml(f"[{text}]"))
    except _NO_VALUE:
        return tuple(_value(part) for part in text.split(","))


def _value(text: str) -> Any:
    try:
        return _as_toml(text)
    except _NO_VALUE:
        return text


# TOML's own error, Python's of an integer with thousands of digits, of depth, and of a date as JSON.
_NO_VALUE = (ValueError, RecursionError, TypeError)


def _as_toml(text: str) -> Any:
    """One value, of those that a run file can keep: no date, and nothing behind the value."""
    table = tomllib.loads(f"value = {text}")
    json.dumps(table)
    if len(table) > 1:
        raise ValueError("more than one value")
    return table["value"]
