"""What cells left behind when their template was killed."""

from __future__ import annotations

import contextlib
import os
import signal

from harness.linux import children


def kill_strays(ours: set[int]) -> None:
    """
    Kill adopted processes until none is left; all are waited for.

    A cell has a session of its own, so what it started is in none of ours. A killed
    cell hands its own children on, so this looks again until nothing comes.

    Args:
        ours: Children that are none: templates, and whatever was here before.
    """
    while strays := [pid for pid in children() if pid not in ours and _session(pid) != os.getsid(0)]:
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in strays:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1
