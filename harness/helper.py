"""Asks a process of its own, so that what it imports never comes into the run, and the run outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from harness.executors.environment import declared


@dataclass(frozen=True)
class Answer:
    """
    What a helper process left behind.

    Args:
        content: The bytes of its file.
        code: Its exit code, negative for a signal; None if it was still running and was killed.
        last_line: The last that it wrote to stderr; empty where it wrote nothing.
    """

    content: bytes
    code: int | None
    last_line: str = ""

    @property
    def ending(self) -> str:
        """How its process ended, in a phrase."""
        code = self.code or 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"its process ended ({how}){': ' + self.last_line if self.last_line else ''}"


def ask(module: str, *arguments: str, content: bytes = b"", seconds: float) -> Answer:
    """
    Run `python -m module FD ARGUMENTS…` in the environment of a cell and wait for its end.

    Args:
        module: What to run; it reads and writes the file FD.
        arguments: What follows.
        content: What stands in the file.
        seconds: When it is killed.
    """
    fd = os.memfd_create(module)
    try:
        os.pwrite(fd, content, 0)
        done = subprocess.run(
            [sys.executable, "-m", module, str(fd), *arguments],
            pass_fds=[fd],
            env=declared(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
        written = os.pread(fd, os.fstat(fd).st_size, 0)
    except subprocess.TimeoutExpired:
        return Answer(b"", None)
    finally:
        os.close(fd)
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return Answer(written, done.returncode, lines[-1] if lines else "")
