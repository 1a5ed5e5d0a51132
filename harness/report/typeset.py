"""Numbers inside text as the page prints them, and two numbers with the digits that agree set apart."""

from __future__ import annotations

import re

from markupsafe import Markup

from harness.report.numbers import MINUS, THIN, power_of_ten

# Not within a word, a version or a path.
_NUMBER = re.compile(r"(?<![\w./-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w./-]*[A-Za-z_/])")
_PARTS = re.compile(r"(-?)(\d+(?:\.\d+)?)(?:e([+-]?\d+))?")


def typeset(text: str) -> str:
    """Text with its numbers unbroken: `5e-09` as `5 × 10⁻⁹`, and a minus for a hyphen."""
    return _NUMBER.sub(lambda match: _number(match.group()), text)


def _number(text: str) -> str:
    match = _PARTS.fullmatch(text)
    if match is None:
        return text
    sign, digits, exponent = match.groups()
    power = f"{THIN}×{THIN}{power_of_ten(int(exponent))}" if exponent else ""
    return f"{MINUS if sign else ''}{digits}{power}"


def beside(published: str, measured: str) -> tuple[Markup, Markup]:
    """
    Two numbers, each with the leading digits that both have in strong type and the others muted.

    Args:
        published: Such as `2.98927619`.
        measured: The same, most often longer.
    """
    count = agreeing(published, measured)
    return _split(published, count), _split(measured, count)


def agreeing(one: str, other: str) -> int:
    """
    Characters of the digits that both start with, such as `1.5`, leading noughts among them.

    0 where sign, size or anything that is no number tells them apart, and where these are noughts alone.
    """
    first, second = _PARTS.fullmatch(one), _PARTS.fullmatch(other)
    if first is None or second is None or first[1] != second[1] or int(first[3] or 0) != int(second[3] or 0):
        return 0
    if len(first[2].partition(".")[0]) != len(second[2].partition(".")[0]):
        return 0
    pairs = zip(_long(first[2], second[2]), _long(second[2], first[2]), strict=True)
    same = next((place for place, (a, b) in enumerate(pairs) if a != b), max(len(first[2]), len(second[2])))
    return same if re.search(r"[1-9]", first[2][:same]) else 0


def _long(digits: str, other: str) -> str:
    """With a point where the other has one, so that `6` and `6.5` agree in a digit."""
    text = digits if "." in digits or "." not in other else f"{digits}."
    return text.ljust(max(len(text), len(other)), " ")


def _split(text: str, count: int) -> Markup:
    match = _PARTS.fullmatch(text)
    if match is None or not count:
        return Markup('<span class="expect-number">{}</span>').format(typeset(text))
    sign, digits, _ = match.groups()
    same, rest = digits[:count].removesuffix("."), digits[len(digits[:count].removesuffix(".")) :]
    power = _number(text)[len(sign) + len(digits) :]
    return Markup('<span class="expect-number"><b>{}{}</b>{}{}</span>').format(
        MINUS if sign else "", same, Markup('<span class="expect-rest">{}</span>').format(rest) if rest else "", power
    )


__all__ = ["agreeing", "beside", "typeset"]
