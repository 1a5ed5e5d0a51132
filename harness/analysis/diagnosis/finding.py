"""What was found of cells that are wrong in one way, for people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# Up to so many parameters are named.
_NAMED = 3


@dataclass(frozen=True)
class Explanation:
    """
    A mistake whose path, or whose loss, the records show.

    Args:
        words: What is wrong.
        distance: How near its path comes to the recorded one, as a share of the largest parameter; of a loss nan.
        told_by: What a run would need to tell it from others that look alike.
    """

    words: str
    distance: float
    told_by: str


@dataclass(frozen=True)
class Finding:
    """
    A cell that is wrong, and how many are wrong like it.

    Args:
        scenario: The scenario.
        cell: The cell that the rest is said of.
        axes: Its axes.
        step: The state that is the first bad one; of a loss, the state that its update left.
        after: The last good state recorded; -1 where there is none.
        quantity: What is farthest off there: a parameter, `all parameters`, several, or `step_loss`.
        found: Its value; of several parameters that of the one farthest off.
        expected: What it should be.
        ratio: The change made by the change expected, along that; of a loss the one by the other. None where there
            is none.
        along: Whether the change made is that multiple of the expected one.
        explanations: The mistakes that explain it, the simplest first; none where none that was tried does.
        cells: Of all cells that it is said of, this one first.
    """

    scenario: str
    cell: str
    axes: dict[str, Any]
    step: int
    after: int
    quantity: str
    found: float
    expected: float
    ratio: float | None
    along: bool
    explanations: tuple[Explanation, ...]
    cells: tuple[str, ...]

    @property
    def implementation(self) -> str:
        """Whose it is."""
        return str(self.axes["implementation"])

    @property
    def device(self) -> str:
        """Where it ran."""
        return str(self.axes["device"])

    @property
    def dtype(self) -> str:
        """In what precision."""
        return str(self.axes["dtype"])

    @property
    def fails(self) -> bool:
        """Whether it fails a verdict: in float32 what no mistake explains may yet be rounding."""
        return self.dtype == "float64" or bool(self.explanations)

    @property
    def where(self) -> str:
        """`from step 1 on`, `in step 26`, or between which states the first bad one is."""
        if self.step == 0:
            return "from the start on"
        if self.quantity == "step_loss":
            return f"in the update leaving state {self.step}"
        if self.step - self.after == 1:
            return f"from step {self.step} on"
        return f"after step {self.after}, at the latest from step {self.step} on,"

    @property
    def what(self) -> str:
        """What is off, beside what it should be."""
        values = _beside(self.found, self.expected)
        if self.quantity == "step_loss":
            return f"the loss returned is wrong: {values}"
        if self.step == 0:
            return f"the start is another in {self.quantity}: {values}"
        if not math.isfinite(self.found):
            return f"parameters are not finite: {values}"
        if self.ratio is not None and self.along and self.step - self.after == 1:
            return f"the update is {times(self.ratio)} times what it should be: {values} in {self.quantity}"
        return f"the path is left in {self.quantity}: {values}"

    @property
    def why(self) -> str:
        """The mistakes that explain it, and what would tell them apart."""
        if not self.explanations:
            return "no mistake that was tried explains it"
        words = list(dict.fromkeys(item.words for item in self.explanations))
        if len(words) == 1:
            return f"explained by: {words[0]}"
        needs = " or ".join(dict.fromkeys(item.told_by for item in self.explanations[1:] if item.told_by))
        return f"explained by: {', or '.join(words)}; this run cannot tell these apart, one with {needs} can"

    @property
    def others(self) -> str:
        """How many more."""
        more = len(self.cells) - 1
        return f"{more:,} more cell{'s' if more > 1 else ''} like it" if more else ""

    @property
    def phrase(self) -> str:
        """All of it in a line: who, from where on, what, and why."""
        who = f"the implementation {self.implementation}, in {self.dtype}"
        who += "" if self.device == "cpu" else f" on {self.device}"
        tail = f" ({self.others})" if self.others else ""
        return f"{who}: {self.where} {self.what}; {self.why}{tail}"

    @property
    def sentence(self) -> str:
        """The phrase as a sentence of its own."""
        return f"{self.phrase[:1].upper()}{self.phrase[1:]}."

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The same as rows: what, and its value."""
        ratio = "" if self.ratio is None else times(self.ratio)
        found, expected = _apart(self.found, self.expected, 10)
        nearest = [f"{item.words} (to {item.distance:.1g})" for item in self.explanations]
        step = str(self.step) if self.step - self.after <= 1 else f"{self.after + 1} to {self.step}"
        return [
            ("implementation", self.implementation),
            ("device", self.device),
            ("dtype", self.dtype),
            ("first bad step", step),
            ("quantity", self.quantity),
            ("found", found),
            ("expected", expected),
            ("ratio of the changes", ratio),
            ("explanations", "; ".join(nearest) or "none of those tried"),
            ("cells", f"{len(self.cells):,}"),
            ("reproduce", self.command("RUN")),
        ]

    def command(self, run: str) -> str:
        """What runs the cell again."""
        return f"harness reproduce {run} --cell {self.cell}"


def named(names: list[str], chosen: list[int]) -> str:
    """Parameters in words: one, a few, a layer's, or all."""
    if len(chosen) == len(names) and len(names) > 1:
        return "all parameters"
    some = [names[index] for index in chosen]
    if len(some) > _NAMED:
        some = list(dict.fromkeys("[".join(name.split("[")[:2]) for name in some))
    if len(some) > _NAMED:
        some = [*some[:_NAMED], "others"]
    return " and ".join(filter(None, (", ".join(some[:-1]), some[-1])))


def times(factor: float) -> str:
    """A factor: `1.5`, or `1 + 1e-09` where it is all but 1."""
    off = float(factor) - 1
    return f"{factor:.4g}" if abs(off) >= 1e-3 else f"1 {'-' if off < 0 else '+'} {abs(off):.2g}"


def _beside(found: float, expected: float) -> str:
    texts = _apart(found, expected, 6)
    return f"found {texts[0]}, expected {texts[1]}"


def _apart(found: float, expected: float, least: int) -> tuple[str, str]:
    """The two, in as many digits as it takes to see that they differ, but no fewer than the least."""
    for digits in range(least, 18):
        texts = f"{found:.{digits}g}", f"{expected:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts
