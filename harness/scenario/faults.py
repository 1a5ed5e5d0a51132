"""Turns what pydantic finds into faults: key path, found, allowed, nearest name."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from harness.errors import Fault

# The standard axes; their room imports this one.
AXES = ("implementation", "device", "dtype", "batch_size", "learning_rate", "seed")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def one_of(names: Iterable[object]) -> str:
    """The names as a list to choose from."""
    return ", ".join(str(name) for name in names)


def nearest(found: object, names: Iterable[object]) -> str:
    """`. Did you mean "mse"?` where a name is near, else nothing."""
    close = difflib.get_close_matches(str(found), [str(name) for name in names], n=1, cutoff=0.6)
    return f'. Did you mean "{close[0]}"?' if close else ""


def from_errors(errors: Iterable[ErrorDetails], raw: dict[str, Any], model: type[BaseModel]) -> list[Fault]:
    """
    Faults from the errors of one validation.

    Args:
        errors: What pydantic found.
        raw: The file as it was read, to tell keys from pydantic's own tags.
        model: The model that was validated, for the names allowed beside an unknown one.
    """
    return [
        Fault(_path(error, raw), _problem(error, model))
        for error in errors
        # A list whose members are faulty also counts as too short; the members are told.
        if not (error["type"] == "too_short" and error["input"])
    ]


def key(name: str) -> str:
    """The name as TOML would spell it: quoted where it is not bare, on one line."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _path(error: ErrorDetails, raw: dict[str, Any]) -> str:
    inside = getattr(error.get("ctx", {}).get("error"), "key", "")
    location = error["loc"]
    if error["type"] == "missing" and isinstance(name := location[-1], str):
        # A key that is not there is no tag, even where a plain word stands for the table.
        location, inside = location[:-1], key(name)
    return ".".join(part for part in (path_of(location, raw), inside) if part)


def path_of(location: Sequence[int | str], raw: Any) -> str:
    """
    The key path as written in TOML.

    pydantic's location also names the member of a union it chose (`data.x.normal.mean`);
    such a tag is no key of the file, and is dropped.
    """
    parts: list[str] = []
    here = raw
    for name in location:
        if isinstance(name, int):
            parts.append(f"[{name}]")
            here = here[name] if isinstance(here, (list, tuple)) and name < len(here) else None
        elif name[:1].isupper() and not (isinstance(here, dict) and name in here):
            continue  # the name of a table's class; no key of ours begins with a capital
        elif isinstance(here, dict) and name in here:
            parts.append(("." if parts else "") + key(name))
            here = here.get(name)
        elif parts or (isinstance(here, dict) and here.get("kind") == name):
            continue
        else:
            parts.append(key(name))
            here = None
    return "".join(parts)


def _problem(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    found = f"found {show(error['input'])}"
    if kind == "missing":
        return "is missing; it is required here"
    if kind == "extra_forbidden":
        names = _names_beside(error["loc"], model)
        name = error["loc"][-1]
        hint = nearest(name, names) or (". It is an axis: put it in [grid]" if name in AXES else "")
        return f"unknown key; allowed here: {one_of(names)}{hint}"
    if kind == "literal_error":
        allowed = context["expected"].replace(" or ", ", ").replace("'", '"')
        return f"{found}; allowed: {allowed}{nearest(error['input'], allowed.replace(chr(34), '').split(', '))}"
    if kind in ("union_tag_invalid", "union_tag_not_found", "model_attributes_type"):
        return _wrong_kind(error, model)
    if kind == "value_error":
        return str(context["error"])
    return f"{found}; allowed: {_ALLOWED.get(kind, error['msg']).format(**context)}"


_ALLOWED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "too_short": "at least {min_length} value",
    "too_long": "at most {max_length} values",
    "greater_than": "more than {gt:.10g}",
    "greater_than_equal": "{ge:.10g} or more",
    "less_than": "less than {lt:.10g}",
    "less_than_equal": "{le:.10g} or less",
}


def _wrong_kind(error: ErrorDetails, model: type[BaseModel]) -> str:
    value = error["input"]
    words = list(dict.fromkeys(_forms(*_at(error["loc"], model))))
    if isinstance(value, dict):
        if "kind" not in value:
            return f'found {show(value)} without a "kind"; allowed: {one_of(words)}'
        return f"found kind {show(value['kind'])}; allowed: {one_of(words)}{nearest(value['kind'], words)}"
    return f"found {show(value)}; allowed: {one_of(words)}{nearest(value, words)}"


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _forms(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    """What a value of this schema may be, in words: kinds by their names."""
    schema = _resolve(schema, definitions)
    for member in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _forms(member, definitions)
    kind = schema.get("properties", {}).get("kind", schema)
    if "const" in kind or "enum" in kind:
        yield from kind.get("enum", [kind.get("const")])
    elif "properties" in schema:
        yield f"{{ {', '.join(schema['properties'])} = … }}"
    elif schema.get("type") in _FORMS:
        yield _FORMS[schema["type"]]


_FORMS = {"number": "a number", "integer": "a whole number", "string": "a text", "array": "a list"}


def _names_beside(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """The keys that the table at this location may have."""
    here, definitions = _at(location[:-1], model)
    here = _resolve(here, definitions)
    tables = [here, *(_resolve(member, definitions) for member in here.get("anyOf", ()))]
    return [name for table in tables for name in table.get("properties", {})]


def _at(location: Sequence[int | str], model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of the value at this location, and all definitions."""
    here = _schema(model)
    definitions = here.get("$defs", {})
    for name in location:
        here = _inside(here, name, definitions)
    return here, definitions


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _inside(schema: dict[str, Any], name: int | str, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _resolve(schema, definitions)
    if isinstance(name, int):
        return dict(schema.get("items", {}))
    if name in schema.get("properties", {}):
        return dict(schema["properties"][name])
    if isinstance(values := schema.get("additionalProperties"), dict):
        return dict(values)
    for member in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        member = _resolve(member, definitions)
        kind = member.get("properties", {}).get("kind", {})
        if name in (kind.get("const"), *kind.get("enum", ())) or name in member.get("title", ""):
            return dict(member)
        if name in member.get("properties", {}):
            return dict(member["properties"][name])
    members = [_resolve(member, definitions) for member in schema.get("anyOf", ())]
    tables = [member for member in members if "properties" in member]
    if len(tables) == 1 and name in tables[0]["properties"]:
        return dict(tables[0]["properties"][name])
    return {}


def show(value: Any) -> str:
    """The value as TOML would spell it, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
