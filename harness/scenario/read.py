"""From a TOML file to a validated scenario, or to all its faults."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import Fault, ScenarioError, UserError
from harness.scenario import check, faults
from harness.scenario.cell import Cell
from harness.scenario.expansion import axis_of, bad_axes, dotted_axes, expand, later_faults, with_values
from harness.scenario.expect import Expect
from harness.scenario.inputs import InputFiles
from harness.scenario.scenario import Document
from harness.scenario.tables import ExpectedRows, expected_rows, read_inside

_TOO_DEEP = Fault("", "is nested too deeply; a scenario has a handful of levels")


def _known(files: dict[str, bytes], name: str) -> bytes:
    """Of files that need not be on this machine any more."""
    if name not in files:
        raise ValueError(f"found {faults.show(name)}; it is not among the files that were stored")
    return files[name]


@dataclass(frozen=True)
class Expectation:
    """
    One `[[expect]]` of a file, or one of its `[gates]`.

    Args:
        number: Its place in the file, from 0.
        expect: What it says.
        rows: Its table, read; None where its values stand in the file.
    """

    number: int
    expect: Expect
    rows: ExpectedRows | None = None


@dataclass(frozen=True)
class Scenario:
    """
    A scenario file, validated, with its cells.

    Args:
        name: The file's name without `.toml`.
        path: The file as the user named it.
        text: The file's text.
        document: Its tables.
        cells: The grid, expanded.
        expectations: Its `[[expect]]` tables with their data files read.
        inputs: Its data, order and table files.
        file_cells: The cells as the file alone has them; a `--set` may have made others of them.
        limits: Its `[gates]`.
    """

    name: str
    path: str
    text: str
    document: Document
    cells: tuple[Cell, ...]
    expectations: tuple[Expectation, ...] = ()
    inputs: InputFiles = field(default_factory=lambda: InputFiles(partial(_known, {})))
    file_cells: tuple[Cell, ...] = ()
    limits: tuple[Expectation, ...] = ()

    @cached_property
    def unchanged(self) -> frozenset[str]:
        """Ids of the cells as the file alone has them."""
        return frozenset(cell.id for cell in self.file_cells)

    @cached_property
    def points(self) -> list[list[Cell]]:
        """The cells of the file, those together that differ in the seed alone."""
        found: dict[Any, list[Cell]] = {}
        for cell in self.file_cells:
            found.setdefault(cell.without("seed"), []).append(cell)
        return list(found.values())

    @property
    def files(self) -> dict[str, bytes]:
        """The bytes of every file it names, by name."""
        return self.inputs.contents

    @property
    def title(self) -> str:
        """The title for people; the name where the file gives none."""
        return self.document.title or self.name


def read_all(arguments: Sequence[str], settings: dict[str, Any] | None = None) -> list[Scenario]:
    """
    All scenarios of these files and folders (not recursive).

    Args:
        arguments: Files, or folders whose `*.toml` are meant.
        settings: Dotted keys of `--set` that override what every file says.

    Raises:
        ScenarioError: With every fault of every file, if there is any.
        UserError: If a path does not exist or a folder holds no scenario.
    """
    found: list[Fault] = []
    scenarios: list[Scenario] = []
    paths = [path for argument in arguments for path in _files(argument)]
    paths = list({path.resolve(): path for path in paths}.values())
    for path in paths:
        try:
            scenarios.append(read(path, settings))
        except ScenarioError as error:
            found += error.faults
    names = [scenario.name for scenario in scenarios]
    for name in sorted({name for name in names if names.count(name) > 1}):
        same_name = [scenario.path for scenario in scenarios if scenario.name == name]
        found.append(
            Fault("", f"the name {name} is used by {' and '.join(same_name)}; a run needs different file names")
        )
    if found:
        raise ScenarioError(found)
    return scenarios


def _files(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        files = sorted(path.glob("*.toml"))
        if not files:
            raise UserError(f"{argument}: the folder holds no scenario (*.toml).")
        return files
    if not path.is_file():
        raise UserError(
            f"{argument}: no such file or folder. Scenarios are TOML files, by default those in scenarios/."
        )
    return [path]


def read(path: Path, settings: dict[str, Any] | None = None) -> Scenario:
    """
    One scenario file.

    Raises:
        ScenarioError: With all its faults.
    """
    if not _is_text(str(path)):
        raise ScenarioError([Fault("", "has a name that is no UTF-8 text, which no run file can keep", str(path))])
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError([Fault("", f"cannot be read as UTF-8 text: {error}", str(path))]) from error
    try:
        return parse(text, path, settings or {})
    except ScenarioError as error:
        raise ScenarioError([Fault(fault.path, fault.problem, str(path)) for fault in error.faults]) from None


def _is_text(name: str) -> bool:
    """Whether a file name is UTF-8; Python reads other bytes as lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def parse(text: str, path: Path, settings: dict[str, Any], files: dict[str, bytes] | None = None) -> Scenario:
    """
    A scenario from its text.

    Args:
        text: TOML.
        path: Where it was read; its data files are looked up beside it.
        settings: Dotted keys of `--set`.
        files: The data files' bytes, where they are known; nothing is then read from disk.

    Raises:
        ScenarioError: With all its faults.
    """
    try:
        return _parse(text, path, settings, files)
    except RecursionError as error:
        # Depth is met where it is walked first: by TOML, a copy, or the words of a message.
        raise ScenarioError([_TOO_DEEP]) from error


def _parse(text: str, path: Path, settings: dict[str, Any], files: dict[str, bytes] | None) -> Scenario:
    try:
        raw = tomllib.loads(text)
    except ValueError as error:
        # TOML's own error, and Python's of an integer with thousands of digits.
        raise ScenarioError([Fault("", f"is not valid TOML: {error}")]) from error
    inputs = InputFiles(partial(_known, files) if files is not None else partial(read_inside, path.parent))
    document, cells = _validated(raw, inputs)
    found = check.of_exclusions(document.grid)
    expectations, limits = _expectations(document, inputs, cells, found)
    file_cells = tuple(cells)
    if settings:
        # Expectations are about the file as it is; a setting only makes other cells.
        document, cells = _validated(with_values(raw, settings), inputs)
        if found := check.of_exclusions(document.grid):
            raise ScenarioError(found)
    return Scenario(path.stem, str(path), text, document, tuple(cells), expectations, inputs, file_cells, limits)


def _validated(raw: dict[str, Any], inputs: InputFiles) -> tuple[Document, list[Cell]]:
    document = _document(raw)
    if found := check.of_inclusions(document.grid):
        raise ScenarioError(found)
    cells, found = expand(raw, document.grid, inputs)
    found += check.of_cells(cells, inputs) if not found else []
    if found:
        raise ScenarioError(found)
    return document, cells


def _document(raw: dict[str, Any]) -> Document:
    """
    The tables, each valid in itself.

    An axis may supply a key that the base leaves out, so the base is validated
    with the first value of every dotted axis in place.
    """
    found = bad_axes(raw)
    dotted = dotted_axes(raw)
    first = {axis: values[0] for axis, values in dotted.items()}
    filled = with_values(raw, first)
    try:
        document = Document.model_validate(filled)
    except ValidationError as error:
        reported = {fault.path for fault in found}
        of_tables = faults.from_errors(error.errors(), filled, Document)
        for fault in of_tables:
            axis = axis_of(fault.path, first)
            path = f'grid."{axis}"[0]' if axis else fault.path
            if path not in reported:
                found.append(Fault(path, fault.problem))
        raise ScenarioError(list(dict.fromkeys(found + later_faults(raw, dotted, first)))) from None
    if found:
        raise ScenarioError(found)
    return document


def _expectations(
    document: Document, inputs: InputFiles, cells: Sequence[Cell], found: list[Fault]
) -> tuple[tuple[Expectation, ...], tuple[Expectation, ...]]:
    """The expectations with their tables, and the gates; raises their faults together with those found before."""
    expectations: list[Expectation] = []
    for number, expect in enumerate(document.expect):
        path = f"expect[{number}]"
        rows = None
        if expect.table is not None:
            try:
                rows = expected_rows(expect, inputs.content(expect.table))
            except ValueError as error:
                found.append(Fault(f"{path}.table", str(error)))
                continue
        found += check.of_expectation(path, expect, rows, cells)
        expectations.append(Expectation(number, expect, rows))
    limits: list[Expectation] = []
    for number, (quantity, limit) in enumerate(document.gates.items()):
        path = f"gates.{faults.key(quantity)}"
        try:
            expect = limit.as_expectation(quantity)
        except ValidationError as error:
            found += [Fault(path, fault.problem) for fault in faults.from_errors(error.errors(), {}, Expect)]
            continue
        found += check.of_expectation(path, expect, None, cells)
        limits.append(Expectation(number, expect))
    if found:
        raise ScenarioError(found)
    return tuple(expectations), tuple(limits)
