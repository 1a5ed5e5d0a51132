"""What cells left behind when their template was killed."""

from __future__ import annotations

import os

from harness.linux import kill_all_children


def kill_strays(ours: set[int]) -> None:
    """
    Kill adopted processes until none is left.

    A cell has a session of its own, so what it started is in none of ours.

    Args:
        ours: Children that are none: templates, and whatever was here before.
    """
    kill_all_children(lambda pid: pid not in ours and _session(pid) != os.getsid(0))


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1
