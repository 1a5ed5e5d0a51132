"""The processor: its work is done when the call returns."""

from __future__ import annotations


class Cpu:
    """The processor."""

    def missing(self) -> str | None:
        return None

    def synchronize(self) -> None:
        pass

    def peak_bytes(self) -> int | None:
        return None

    def describe(self) -> dict[str, str]:
        return {}
