"""Turns what pydantic finds into faults: key path, found, allowed, nearest name."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from harness.errors import Fault


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
        Fault(path_of(error["loc"], raw), _problem(error, model))
        for error in errors
        # A list whose members are faulty also counts as too short; the members are told.
        if not (error["type"] == "too_short" and error["input"])
    ]


def path_of(location: Sequence[int | str], raw: Any) -> str:
    """
    The key path as written in TOML.

    pydantic's location also names the member of a union it chose (`data.x.normal.mean`);
    such a tag is no key of the file, and is dropped.
    """
    parts: list[str] = []
    here = raw
    keys = list(location)
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if isinstance(key, int):
            parts.append(f"[{key}]")
            here = here[key] if isinstance(here, (list, tuple)) and key < len(here) else None
        elif isinstance(here, dict) and (key in here or (last and here.get("kind") != key)):
            parts.append(("." if parts else "") + (f'"{key}"' if "." in key else key))
            here = here.get(key)
        elif parts or (isinstance(here, dict) and here.get("kind") == key):
            continue
        else:
            parts.append(key)
            here = None
    return "".join(parts)


def _problem(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    found = f"found {show(error['input'])}"
    if kind == "missing":
        return "is missing; it is required here"
    if kind == "extra_forbidden":
        names = _names_beside(error["loc"], model)
        return f"unknown key; allowed here: {one_of(names)}{nearest(error['loc'][-1], names)}"
    if kind == "literal_error":
        allowed = context["expected"].replace(" or ", ", ").replace("'", '"')
        return f"{found}; allowed: {allowed}{nearest(error['input'], allowed.replace(chr(34), '').split(', '))}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_kind(error)
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
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
}


def _wrong_kind(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    tags = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",") if tag.strip()]
    words = [_TAG_WORDS.get(tag, tag) for tag in tags]
    value = error["input"]
    found = value.get("kind") if isinstance(value, dict) else value
    if not tags:
        return f'found {show(value)}; allowed: a table with a "kind", a kind\'s plain word, or numbers'
    if isinstance(value, dict) and "kind" not in value:
        return f'has no "kind"; allowed: {one_of(words)}'
    return f"found kind {show(found)}; allowed: {one_of(words)}{nearest(found, tags)}"


_TAG_WORDS = {"number": "a number", "numbers": "a list of numbers", "layers": "a list for each layer"}


def _names_beside(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """The keys that the table at this location may have."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    here: dict[str, Any] = schema
    for key in location[:-1]:
        here = _inside(here, key, definitions)
    return list(_resolve(here, definitions).get("properties", {}))


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _inside(schema: dict[str, Any], key: int | str, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _resolve(schema, definitions)
    if isinstance(key, int):
        return dict(schema.get("items", {}))
    if key in schema.get("properties", {}):
        return dict(schema["properties"][key])
    for member in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        member = _resolve(member, definitions)
        kind = member.get("properties", {}).get("kind", {})
        if key in (kind.get("const"), *kind.get("enum", ())) or key in member.get("title", ""):
            return dict(member)
        if key in member.get("properties", {}):
            return dict(member["properties"][key])
    members = [_resolve(member, definitions) for member in schema.get("anyOf", ())]
    tables = [member for member in members if "properties" in member]
    if len(tables) == 1 and key in tables[0]["properties"]:
        return dict(tables[0]["properties"][key])
    return {}


def show(value: Any) -> str:
    """The value as TOML would spell it, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
