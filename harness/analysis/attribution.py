"""Which differences of environment go with which cells that differ, and no more than that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# A scenario's name and a cell's id.
Key = tuple[str, str]
Keys = frozenset[Key]
NOT_THERE = "not there"
_NAMED = 3
_LONGEST = 40


@dataclass(frozen=True)
class Difference:
    """
    Something that is not as it was when the run was made.

    Args:
        kind: `package`, `code` (a file of the harness), `plug-in` (a file of one) or `machine`.
        name: What differs.
        was: Then: a version, a digest, a name.
        now: Today.
        cells: The cells that rest on it.
    """

    kind: str
    name: str
    was: str
    now: str
    cells: Keys

    @property
    def in_short(self) -> tuple[str, str]:
        """What it was and is, as a reader sees it: a digest says nothing."""
        if self.kind in ("code", "plug-in"):
            return "", {self.was: "new", self.now: "gone"}.get(NOT_THERE, "changed")
        return _shortened(self.was, self.now)

    def __str__(self) -> str:
        was, now = self.in_short
        return f"{self.name} (was {was}, is {now})" if was else f"{self.name} ({now})"


@dataclass(frozen=True)
class Counts:
    """Of cells that were compared: how many, those that are the same to the last bit, those that are not."""

    cells: int
    same: int
    differ: int


@dataclass(frozen=True)
class Attribution:
    """
    The cells that were compared, beside the differences that they rest on.

    Args:
        differences: What is not as in the run.
        same: The cells that are the same to the last bit.
        differ: Those that are not.
    """

    differences: Sequence[Difference]
    same: Keys = field(default_factory=frozenset)
    differ: Keys = field(default_factory=frozenset)

    @property
    def cells(self) -> Keys:
        """All cells that were compared."""
        return self.same | self.differ

    @property
    def untouched(self) -> Keys:
        """Cells that rest on none of the differences."""
        return self.cells.difference(*(difference.cells for difference in self.differences))

    def counts(self, cells: Iterable[Key]) -> Counts:
        """Of those of these cells that were compared."""
        among = self.cells.intersection(cells)
        return Counts(len(among), len(among & self.same), len(among & self.differ))

    def conclusion(self) -> str:
        """What follows from the counts."""
        if not self.cells:
            return "No cell could be compared."
        if not self.differ:
            return self._nothing_differs()
        alone = self.differ & self.untouched
        if not self.differences:
            return f"No difference of environment is known; {_differ(alone)} all the same: {_ids(alone)}."
        said = (
            [f"{_differ(alone)} and {_verb(alone, 'rests', 'rest')} on no difference that is known: {_ids(alone)}."]
            if alone
            else []
        )
        if self.differ - alone:
            said.append(self._goes_with(self.differ - alone, "other " * bool(alone)))
        return " ".join(said)

    def _nothing_differs(self) -> str:
        if not self.differences:
            return "No difference of environment is known, and no cell differs."
        return f"No cell differs, in spite of {_count(len(self.differences), 'difference')} of environment."

    def _goes_with(self, differ: Keys, other: str) -> str:
        """Of cells that differ and rest on at least one difference each."""
        common = [item for item in self.differences if differ <= item.cells]
        wide = [item for item in common if self.cells <= item.cells]
        narrow = [item for item in common if item not in wide]
        if narrow:
            who = (
                f"All {len(differ)} {other}cells that differ rest"
                if len(differ) > 1
                else f"The {other}cell that differs rests"
            )
            return f"{who} on {self._closest(narrow, common)}"
        if not wide:
            return f"No one difference of environment goes with all {len(differ)} {other}cells that differ."
        if len(wide) < len(self.differences):
            return f"Only what applies to all cells goes with every {other}cell that differs: {_names(wide)}."
        although = f" {len(self.same)} of {len(self.cells)} cells are the same all the same." if self.same else ""
        if len(wide) == 1:
            return f"The one difference of environment, {_names(wide)}, applies to all cells.{although}"
        return f"Every difference of environment applies to all cells; they cannot be told apart.{although}"

    def _closest(self, narrow: Sequence[Difference], common: Sequence[Difference]) -> str:
        """Those that the fewest cells rest on, what became of these and of all others, and what goes with them too."""
        closest = min((item.cells & self.cells for item in narrow), key=len)
        named = [item for item in narrow if item.cells & self.cells == closest]
        text = _names(named)
        if too := self.same & closest:
            text += f", and so {_verb(too, 'does 1', f'do {len(too)}')} that {_are(too)} the same to the last bit"
        text += f"; {_free(self.cells - closest, self.same - closest)}."
        if others := [item for item in common if item not in named]:
            text += f" What more cells rest on may take part in it: {_names(others)}."
        return text


def _free(cells: Keys, same: Keys) -> str:
    """Of cells that do not rest on it."""
    if cells == same:
        count = _verb(cells, "one", str(len(cells)))
        return f"the {count} that {_verb(cells, 'does', 'do')} not {_are(cells)} the same to the last bit"
    return f"of the {len(cells)} that do not, {len(same)} {_are(same)} the same to the last bit"


def _shortened(was: str, now: str) -> tuple[str, str]:
    """Of long descriptions the words from the first that differs to the last."""
    if max(len(was), len(now)) <= _LONGEST:
        return was, now
    one, other = was.split(), now.split()
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    return _piece(one, start, end), _piece(other, start, end)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words are the same before the first that differs."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _piece(words: Sequence[str], start: int, end: int) -> str:
    text = " ".join(["…"] * (start > 0) + list(words[start : len(words) - end]) + ["…"] * (end > 0))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _names(differences: Sequence[Difference]) -> str:
    shown = [str(item) for item in differences]
    if len(shown) > _NAMED + 1:
        shown = [*shown[:_NAMED], f"{len(shown) - _NAMED} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)


def _ids(cells: Keys) -> str:
    shown = [cell for _, cell in sorted(cells)]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + more


def _differ(cells: Keys) -> str:
    return f"{_count(len(cells), 'cell')} {_verb(cells, 'differs', 'differ')}"


def _are(cells: Keys) -> str:
    return _verb(cells, "is", "are")


def _verb(cells: Keys, one: str, many: str) -> str:
    return one if len(cells) == 1 else many


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
