"""The run's end of one template process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import ClassVar

from harness.executors.environment import declared

# How long a template may take to kill its cell and end, before it is killed itself.
_CLOSE_SECONDS = 5.0


class Template:
    """
    The run's end of one template process.

    Attributes:
        pids: Of all templates that this process has and has not waited for.
    """

    pids: ClassVar[set[int]] = set()

    def __init__(self, outfit: str, name: str) -> None:
        self.outfit, self.name = outfit, name
        self.hello: dict[str, str] = {}
        ours, theirs = socket.socketpair()
        self.channel = ours
        self._errors = os.memfd_create("template-stderr")
        command = [sys.executable, "-m", "harness.executors.template", str(theirs.fileno()), outfit]
        self.process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            env=declared(),
            start_new_session=True,  # Ctrl-C is for the run; it tells its templates itself
        )
        self.pids.add(self.process.pid)
        theirs.close()

    def ended(self) -> str:
        """How the process ended, with the last line it wrote, as one sentence."""
        code = self.process.wait()
        size = os.fstat(self._errors).st_size
        text = os.pread(self._errors, 4096, max(0, size - 4096)).decode("utf-8", "replace").strip()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"its template {self.name} ended ({how}){': ' + text.splitlines()[-1] if text else ''}"

    def close(self) -> None:
        """Close the socket, upon which the template kills its cell and ends; wait for that."""
        self.channel.close()
        try:
            self.process.wait(timeout=_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pids.discard(self.process.pid)
        os.close(self._errors)
