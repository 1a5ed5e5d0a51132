"""How far a run is: a bar on a terminal, a line now and then elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

from harness.streams import say

_LINE_SECONDS = 10.0


class Progress:
    """
    Counts finished processes.

    Args:
        total: Processes in the plan.
        quiet: Say nothing (for a program that reads stdout and stderr).

    Attributes:
        done: Processes that have their record.
    """

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._total, self._quiet = total, quiet
        self.done = self._bad = 0
        self._start = self._last = time.monotonic()
        terminal = sys.stderr.isatty() and not quiet
        form = "{percentage:3.0f}% {bar} {n_fmt}/{total_fmt} processes, {elapsed} gone, {remaining} left{postfix}"
        self._bar = tqdm(total=total, file=sys.stderr, bar_format=form, disable=not terminal, leave=False)

    def advance(self, *, bad: bool) -> None:
        """One more process has its record."""
        self.done += 1
        self._bad += bad
        if bad and not self._bar.disable:
            self._bar.set_postfix_str(f"{self._bad} bad")
        self._bar.update()
        now = time.monotonic()
        if self._bar.disable and not self._quiet and (now - self._last >= _LINE_SECONDS or self.done == self._total):
            self._last = now
            bad_text = f", {self._bad} bad" if self._bad else ""
            text = f"{self.done} of {self._total} processes{bad_text}, {now - self._start:.0f} s"
            say(text)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
