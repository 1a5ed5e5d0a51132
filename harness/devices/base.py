"""What a device offers to the loop."""

from __future__ import annotations

from typing import Protocol


class Device(Protocol):
    """A device; its methods are called in the cell's own process only."""

    def missing(self) -> str | None:
        """Why this machine cannot run it, or None."""
        ...

    def synchronize(self) -> None:
        """Wait until all work queued on it is done."""
        ...

    def peak_bytes(self) -> int | None:
        """Most memory taken on the device by this process; None where it has none of its own."""
        ...

    def describe(self) -> dict[str, str]:
        """Name and versions, for the record of the environment."""
        ...
