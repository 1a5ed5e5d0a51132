"""
What the tables' source says of each key: the text below its line.

    samples: Count
    \"\"\"Rows to generate. `samples = 100`\"\"\"

The words are the key's description; the TOML between the last backticks is its example.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from harness.scenario.base import Table

_EXAMPLE = re.compile(r"\s*`([^`\s]+ = [^`]+)`$")


@dataclass(frozen=True)
class Description:
    """
    What is said of one key.

    Args:
        words: A phrase or two, with the unit where there is one.
        example: `key = value` as TOML; empty where none is given.
    """

    words: str
    example: str = ""

    @property
    def value(self) -> Any:
        """The example's value."""
        (value,) = tomllib.loads(self.example).values()
        return value


def descriptions(table: type[Table]) -> dict[str, Description]:
    """Of every key of a table that is described, those of its base classes included."""
    found: dict[str, Description] = {}
    for cls in reversed(table.__mro__):
        if issubclass(cls, Table):
            found |= _of_module(cls.__module__).get(cls.__name__, {})
    return found


def summary(table: type[Table]) -> str:
    """A table's own docstring, its lines joined where they belong together."""
    return inspect.getdoc(table) or ""


@cache
def _of_module(name: str) -> dict[str, dict[str, Description]]:
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: _of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> dict[str, Description]:
    return {
        field.target.id: _description(inspect.cleandoc(text.value.value))
        for field, text in pairwise(node.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _description(text: str) -> Description:
    joined = " ".join(text.split())
    match = _EXAMPLE.search(joined)
    return Description(joined[: match.start()], match[1]) if match else Description(joined)
