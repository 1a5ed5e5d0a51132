"""
JSON Schema of the scenario file, for editors and other programs.

pydantic derives most of it from the tables. Added here: what stands before its validation (a plain word
for a table, a model without `kind`), what it cannot see (dotted axes, names of quantities), and each key's description.
The schema refuses no file that the harness takes, but where an axis replaces or completes a key's own value;
what needs two tables, or the files beside the scenario, only `harness check` can tell.
"""

from __future__ import annotations

import re
from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from harness import catalogue
from harness.scenario import base, data, expect, gates, grid, model, run, scenario, training
from harness.schema.described import descriptions, summary

_TITLE = "Scenario of the gradient descent harness"
_MADE = ("samples", "x", "y")
_WRITTEN = ("csv", "inline")
_TABLES = {
    "data": (data.Generated, data.FromCsv, data.Inline),
    "model": (model.Linear, model.Mlp),
    "init": (model.Init,),
    "training": (training.Training,),
    "run": (run.Run,),
}
_AXIS = "^(" + "|".join(map(re.escape, grid.AXIS_ROOTS)) + ")"
_AXIS_NAME = _AXIS + "|^(" + "|".join(grid.STANDARD_AXES) + ")$"
_PLAIN_QUANTITIES = [name for name in (*expect.NUMBERS, *expect.CONSTANTS) if name not in expect.INDEXED]
_QUANTITY = {
    "anyOf": [
        {"enum": _PLAIN_QUANTITIES},
        {"type": "string", "pattern": rf"^({'|'.join(expect.INDEXED)})\[[0-9]+\]$"},
    ]
}
_ANY_WORD = {"enum": sorted({word for words in expect.VOCABULARY.values() for word in words})}
_WORD_OR_WORDS = {"anyOf": [_ANY_WORD, {"type": "array", "items": _ANY_WORD}]}
# Marks what may also be a plain word, until all tables are known.
_WORD = "x-word"
# Taken as they are: what they check cannot be said in a schema, or is already.
_CHECKS = (scenario._whole,)


def json_schema() -> dict[str, Any]:
    """The schema of a scenario file, draft 2020-12."""
    found = scenario.Document.model_json_schema(schema_generator=_Generator)
    tables = found["$defs"]
    _add_words(found, tables)
    tables["Data"] = _data(tables)
    properties = found["properties"]
    properties["data"] = {"description": properties["data"]["description"], "$ref": "#/$defs/Data"}
    for name in ("Generated", "FromCsv", "Inline"):
        del tables[name]
    tables["Grid"]["properties"] |= _axes(tables)
    found["allOf"] = [_unless_axis(key) for key in _MADE]
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": _TITLE}
    return {**head, **{key: value for key, value in found.items() if key not in head}}


def _data(tables: dict[str, Any]) -> dict[str, Any]:
    """One table of the three, so that an editor offers all keys: the rows are made, from a file, or written out."""
    properties = {key: value for name in ("Generated", "FromCsv", "Inline") for key, value in _keys(tables[name])}
    properties |= {key: properties.pop(key) for key in data.Source.model_fields}
    others = {key: [other for other in (*_MADE, "noise", *_WRITTEN) if other != key] for key in _WRITTEN}
    return {
        "type": "object",
        "description": "Which rows there are: made from formulas, read from a file, or written out; and their split.",
        "properties": properties,
        "additionalProperties": False,
        "allOf": [
            {"if": {"required": [key]}, "then": {"properties": dict.fromkeys(names, False)}}
            for key, names in others.items()
        ],
    }


def _keys(table: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(table["properties"].items())


def _unless_axis(key: str) -> dict[str, Any]:
    """A key of data that is made must be there, unless an axis supplies it."""
    by_axis = {"properties": {"grid": {"required": [f"data.{key}"]}}}
    return {
        "if": {"not": by_axis},
        "then": {"properties": {"data": {"anyOf": [{"required": [name]} for name in (key, *_WRITTEN)]}}},
    }


def _axes(tables: dict[str, Any]) -> dict[str, Any]:
    """The keys of other tables that may be axes, each a list of the key's values."""
    found: dict[str, list[dict[str, Any]]] = {}
    for root, classes in _TABLES.items():
        for name in ["Data"] if root == "data" else [cls.__name__ for cls in classes]:
            for key in tables[name]["properties"]:
                if f"{root}.{key}".startswith(grid.AXIS_ROOTS):
                    found.setdefault(f"{root}.{key}", []).append({"$ref": f"#/$defs/{name}/properties/{key}"})
    return {
        axis: {"type": "array", "minItems": 1, "items": forms[0] if len(forms) == 1 else {"anyOf": forms}}
        for axis, forms in found.items()
    }


class _Generator(GenerateJsonSchema):
    """pydantic's generator, for files: no null, a word for a table, descriptions from the source."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """A key needs no title beside its name."""
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        """In the order of the source, which is the one to read it in."""
        return value

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """TOML has no null: a key is left out."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Defaults as a file would spell them; those of whole tables are in their keys."""
        found = super().default_schema(schema)
        default = found.get("default")
        if isinstance(default, dict) and "kind" in default:
            found["default"] = default["kind"]
        elif default in (None, []) or isinstance(default, dict):
            found.pop("default", None)
        return found

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """`discriminator` is no word of JSON Schema."""
        found = super().tagged_union_schema(schema)
        found.pop("discriminator", None)
        return found

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """
        What a file may hold before our validators make a table of it.

        Raises:
            TypeError: For a validator that nobody has said this of.
        """
        found, function = self.generate_inner(schema["schema"]), schema["function"]["function"]
        if function is base._word_to_table:
            return {**found, _WORD: True}
        if function is model._linear_unless_said:
            return self._or_linear(found)
        if function in _CHECKS:
            return found
        raise TypeError(f"{function}: say in {__name__} what a file may hold before it")

    def _or_linear(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        """A table without `kind` is the first form, a linear model."""
        first = self._resolved(schema["oneOf"][0])
        first["required"] = [name for name in first["required"] if name != "kind"]
        return schema

    def _resolved(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        return self.get_schema_from_definitions(schema["$ref"]) or {} if "$ref" in schema else schema

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A table with its keys' descriptions and examples, and what pydantic cannot see of it."""
        found, cls = super().model_schema(schema), cast("type[base.Table]", schema["cls"])
        found.pop("title", None)
        found["description"] = summary(cls)
        properties = found.get("properties", {})
        for name, said in descriptions(cls).items():
            key = cls.model_fields[name].alias or name
            properties[key] = {**properties[key], "description": said.words}
            if said.example:
                properties[key]["examples"] = [said.value]
        _complete(cls, found)
        return found


def _add_words(node: Any, tables: dict[str, Any]) -> None:
    """Where a kind may stand as a word: the words of those kinds that need no other key."""
    if isinstance(node, dict):
        if node.pop(_WORD, False):
            forms = [tables[form["$ref"].rpartition("/")[2]] for form in node["oneOf"] if "$ref" in form]
            words = [word for form in forms for word in _words(form)]
            node["oneOf"][:0] = [{"enum": words}] if words else []
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        _add_words(inner, tables)


def _words(table: JsonSchemaValue) -> list[str]:
    kind = table.get("properties", {}).get("kind", {})
    return kind.get("enum", [kind.get("const")]) if kind and {*table.get("required", ())} <= {"kind"} else []


def _complete(cls: type[base.Table], found: JsonSchemaValue) -> None:
    """Add what stands in code instead of types."""
    properties = found.get("properties", {})
    if cls in (grid.Grid, grid.Include, grid.Exclude):
        found["additionalProperties"] = False
        found["patternProperties"] = {_AXIS: {"type": "array", "minItems": 1} if cls is grid.Grid else {}}
    if cls is grid.Grid:
        properties["device"]["items"] = {"enum": list(catalogue.devices())}
        properties["implementation"]["items"] = {
            "anyOf": [{"enum": list(catalogue.implementations())}, {"type": "string"}]
        }
    if cls in (grid.Grid, grid.Include):
        properties["seed"]["anyOf"][-1] = grid.SeedRange.model_json_schema(schema_generator=_Generator)
    if cls is grid.Exclude:
        properties |= {axis: {} for axis in grid.STANDARD_AXES}
    if cls in (expect.Expect, gates.Limit):
        properties["where"] |= {"propertyNames": {"pattern": _AXIS_NAME}}
        for key in ("equals", "not_equals"):
            properties[key] = {**_WORD_OR_WORDS, "description": properties[key]["description"]}
            properties[key]["examples"] = [descriptions(cls)[key].value]
    if cls is expect.Expect:
        properties["quantity"] |= _QUANTITY
        del properties["quantity"]["type"]
    if cls is scenario.Document:
        properties["gates"] |= {"propertyNames": _QUANTITY}
