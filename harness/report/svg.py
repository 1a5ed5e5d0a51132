"""Matplotlib's SVG made fit for the page: colours are CSS variables, text stays text, ids are unique."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from markupsafe import Markup, escape

from harness.report import palette

_NUMBER = re.compile(r"-?\d+\.\d+")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_KEPT_STYLE = (
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-opacity",
    "opacity", "text-anchor", "font-size", "font-weight", "stroke-linecap",
)  # fmt: skip
# Larger, its text would be larger than the page's.
_LARGEST = 1.3
_VARIABLES = {light: f"var(--{name})" for name, (light, _) in palette.COLOURS.items()}
_GEOMETRY = ("d", "x", "y", "width", "height", "transform")


def rewrite(text: str, key: str, title: str, description: str) -> Markup:
    """
    A figure's SVG for the page.

    Args:
        text: As matplotlib wrote it, drawn in the palette's light colours.
        key: Goes before each id, so that ids are unique on the page.
        title: The accessible name.
        description: What a person who does not see it must know.
    """
    root = ET.fromstring(text)  # noqa: S314 - written by matplotlib a moment ago
    width, height = root.attrib["viewBox"].split()[2:]
    _without_namespaces(root)
    _drop(root)
    used = _references(root)
    for element in root.iter():
        _clean(element, key, used)
    _flatten(root)
    body = "".join(ET.tostring(child, encoding="unicode").strip() for child in root)
    body = re.sub(r"\s*\n\s*", " ", body).replace(" />", "/>")
    opening = (
        f'<svg class="figure" role="img" viewBox="0 0 {float(width):g} {float(height):g}" '
        f'style="max-width:{_LARGEST * float(width):g}px" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(description)}</desc>'
    )
    return Markup(f"{opening}{body}</svg>")  # noqa: S704 - serialised XML and escaped text


def _without_namespaces(root: ET.Element) -> None:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in list(element.attrib):
            element.set(name.rpartition("}")[2], element.attrib.pop(name))


def _drop(root: ET.Element) -> None:
    """Metadata, and the style sheet, which would be about the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)


def _references(root: ET.Element) -> set[str]:
    values = [value for element in root.iter() for value in element.attrib.values()]
    found = {match for value in values for match in _REFERENCE.findall(value)}
    return found | {value[1:] for element in root.iter() if (value := element.get("href", "")).startswith("#")}


def _clean(element: ET.Element, key: str, used: set[str]) -> None:
    name = element.attrib.pop("id", "")
    if name in used:
        element.set("id", f"{key}-{name}")
    if "href" in element.attrib:
        element.set("href", f"#{key}-{element.attrib['href'][1:]}")
    for attribute, value in list(element.attrib.items()):
        if attribute == "clip-path":
            element.set(attribute, _REFERENCE.sub(rf"url(#{key}-\1)", value))
        elif attribute == "style":
            element.set(attribute, _style(value))
        elif attribute == "transform" and value.startswith("rotate(-0 "):
            del element.attrib[attribute]
        elif attribute in _GEOMETRY:
            element.set(attribute, re.sub(r"\s+", " ", _NUMBER.sub(_rounded, value)).strip())
    if not element.get("style"):
        element.attrib.pop("style", None)


def _rounded(match: re.Match[str]) -> str:
    """To a tenth of a unit, which no screen shows."""
    return f"{round(float(match[0]), 1) + 0.0:g}"


def _style(text: str) -> str:
    """Only what the page needs; matplotlib carries its whole font list in every text."""
    result = []
    for declaration in text.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            result += _font(value)
        elif name in _KEPT_STYLE:
            result.append(f"{name}:{_COLOUR.sub(lambda match: _VARIABLES.get(match[0], match[0]), value)}")
    return ";".join(result)


def _font(value: str) -> list[str]:
    """Size and weight of a `font:` shorthand."""
    size = re.search(r"([\d.]+)px", value)
    weight = re.search(r"\b([5-9]00|bold)\b", value)
    return [*([f"font-size:{size[1]}px"] if size else []), *(["font-weight:600"] if weight else [])]


def _flatten(parent: ET.Element) -> None:
    """Take out groups that carry nothing: the page counts its elements."""
    children: list[ET.Element] = []
    for child in list(parent):
        _flatten(child)
        child.tail = None
        empty = child.tag == "defs" and not len(child)
        children += list(child) if empty or (child.tag == "g" and not child.attrib) else [child]
    parent[:] = children
    if parent.tag not in ("text", "tspan"):
        parent.text = None
