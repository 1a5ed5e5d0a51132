"""The devices that cells run on: whether they are here, and when their work is done."""

from __future__ import annotations

from harness.devices.base import Device
from harness.devices.cpu import Cpu


def get(name: str) -> Device:
    """
    The device of this name.

    Raises:
        KeyError: If there is none of that name.
    """
    if name == "cpu":
        return Cpu()
    if name == "cuda":
        from harness.devices.cuda import Cuda

        return Cuda()
    raise KeyError(name)


__all__ = ["Device", "get"]
