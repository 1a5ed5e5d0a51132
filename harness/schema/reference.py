"""The reference of scenario files as Markdown, written from their JSON Schema: every key, each with an example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.scenario.grid import AXIS_ROOTS
from harness.schema import meanings
from harness.schema.json_schema import json_schema

# Tables of the file in the order in which a reader meets them, and how their heads are written.
_TABLES = {
    "data": "[data]", "model": "[model]", "init": "[init]", "training": "[training]", "grid": "[grid]", "run": "[run]",
    "target": "[target]", "expect": "[[expect]]", "gates": "[gates]",
}  # fmt: skip
_LISTS_OF_TABLES = {"grid.exclude": "[[grid.exclude]]", "grid.include": "[[grid.include]]"}
_HEAD = ("key", "values", "default", "meaning", "example")
_OPEN_ENDS = (2**63,)
# What stands below a table of keys.
_REMARKS = {
    "grid": (
        "Any other key that decides a cell's numbers may be an axis too: its dotted name in quotes, with a list of its "
        'values, as in `"data.samples" = [100, 1000]`. Such names begin with '
        f"{', '.join(f'`{root}`' for root in AXIS_ROOTS)}. "
        "The axis wins over the key's own line, which may then be left out."
    ),
    "grid.exclude": (
        "All other keys are axes, each with the value that a cell must have to be left out, or a list of such values; "
        "`seed` also takes a range."
    ),
    "grid.include": "All other keys are dotted axes of the grid, with one value each.",
}


def reference() -> str:
    """All of it: tables of keys, then the words of expectations."""
    return "\n\n".join([*_keys(json_schema()), *_words()]) + "\n"


def _keys(schema: dict[str, Any]) -> Iterator[str]:
    definitions, properties = schema["$defs"], schema["properties"]
    yield "### Top of the file"
    yield _table({key: properties[key] for key in properties if key not in _TABLES}, schema["required"], definitions)
    told: list[tuple[str, Any]] = []
    for key, head in _TABLES.items():
        yield f"### `{head}`"
        yield properties[key]["description"]
        yield from _value(key, properties[key], definitions, told)


def _value(
    path: str, schema: dict[str, Any], definitions: dict[str, Any], told: list[tuple[str, Any]]
) -> Iterator[str]:
    """What the table or tables that may be a key's value hold; nothing for a number or a word."""
    tables = list(_tables(schema, definitions))
    for table in tables:
        if len(tables) > 1 or "kind" in table["properties"]:
            kinds = " or ".join(f'`kind = "{word}"`' for word in _kinds(table))
            yield f"**{kinds or '`{ ' + ', '.join(table['properties']) + ' }`'}**"
        if path not in _TABLES or len(tables) > 1:
            yield table["description"]
        yield from _inside(path, table, definitions, told)


def _inside(
    path: str, table: dict[str, Any], definitions: dict[str, Any], told: list[tuple[str, Any]]
) -> Iterator[str]:
    """A table's own keys, then the tables inside it that have not been told elsewhere."""
    keys = {name: key for name, key in table["properties"].items() if "description" in key and name != "kind"}
    if keys:
        yield _table(keys, table.get("required", ()), definitions)
    if path in _REMARKS:
        yield _REMARKS[path]
    for name, key in keys.items():
        inner, tables = f"{path}.{name}", list(_tables(key, definitions))
        if tables and (name, tables) not in told:
            told.append((name, tables))
            yield f"#### `{_LISTS_OF_TABLES.get(inner, inner)}`"
            yield from _value(inner, key, definitions, told)


def _kinds(table: dict[str, Any]) -> list[str]:
    kind = table.get("properties", {}).get("kind", {})
    return list(kind.get("enum", [kind["const"]] if "const" in kind else []))


def _tables(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables that a value of this schema may be, or hold as its members."""
    if "$ref" in schema:
        yield from _tables(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "properties" in schema:
        yield schema
    else:
        inner = [schema[name] for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)]
        for member in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *inner):
            yield from _tables(member, definitions)


def _table(keys: Mapping[str, dict[str, Any]], required: Any, definitions: dict[str, Any]) -> str:
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for name, key in keys.items():
        values = " or ".join(dict.fromkeys(_forms(key, definitions)))
        default = "required" if name in required else _default(key)
        example = f"`{name} = {toml(key['examples'][0])}`" if "examples" in key else ""
        rows.append((f"`{name}`", values, default, key["description"], example))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _default(key: dict[str, Any]) -> str:
    return f"`{toml(key['default'])}`" if key.get("default", "") != "" else ""


def _forms(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    """What a value may be, in words."""
    if "$ref" in schema:
        yield from _forms(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif "enum" in schema or "const" in schema:
        yield ", ".join(f"`{toml(word)}`" for word in schema.get("enum", [schema.get("const")]))
    elif "oneOf" in schema or "anyOf" in schema:
        members = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        kinds = [word for member in members for table in _tables(member, definitions) for word in _kinds(table)]
        forms = [form for member in members for form in _forms(member, definitions)]
        yield from (form for form in forms if form != "table" or not kinds)
        if kinds:
            yield f"table of kind {', '.join(f'`{word}`' for word in kinds)}"
    elif "pattern" in schema:
        yield "`weights[i]`, `gradient[i]`"
    elif schema.get("type") == "array":
        yield _list(schema, definitions)
    elif schema.get("type") == "object":
        yield "table"
    else:
        yield _PLAIN[schema["type"]] + _bounds(schema)


def _list(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "prefixItems" in schema:
        inner = next(_forms(schema["prefixItems"][0], definitions))
        return f"list of {len(schema['prefixItems'])} {_plural(inner)}"
    return "list of " + " or ".join(dict.fromkeys(map(_plural, _forms(schema["items"], definitions))))


def _plural(form: str) -> str:
    for one in ("whole number", "number", "text", "table", "list"):
        if form.startswith(one):
            return f"{one}s{form.removeprefix(one)}"
    return form


_PLAIN = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`"}


def _bounds(schema: dict[str, Any]) -> str:
    words = [
        text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema and schema[key] not in _OPEN_ENDS
    ]
    return f" ({', '.join(words)})" if words else ""


_BOUNDS = {
    "exclusiveMinimum": "above {:g}",
    "minimum": "{:g} or more",
    "exclusiveMaximum": "below {:,}",
    "maximum": "{:,} or less",
}


def _words() -> Iterator[str]:
    for title, first, words in (
        ("Quantities", "quantity", meanings.QUANTITIES),
        ("States", "where in the training", meanings.STATES),
        ("Outcomes", "outcome", meanings.OUTCOMES),
        ("Statuses", "status", meanings.STATUSES),
    ):
        yield f"### {title}"
        rows = [(first, "meaning"), ("---", "---"), *((_code(word), text) for word, text in words.items())]
        yield "\n".join(f"| {word} | {text} |" for word, text in rows)


def _code(word: str) -> str:
    return word if "`" in word else f"`{word}`"


def toml(value: Any) -> str:
    """The value as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
