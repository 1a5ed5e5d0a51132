"""The real command in real processes, in surroundings of its own, so that whatever it leaves behind is seen."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faulty import until

HARNESS = str(Path(sys.executable).with_name("harness"))
PLUGINS = Path(__file__).parent / "plugins"
_SHARED_MEMORY = Path("/dev/shm")
# Kept by torch, for whoever compiles; empty here.
_CACHES = ("torchinductor_",)


@dataclass
class Surroundings:
    """
    An empty folder, an empty TMPDIR, and a marker in the environment of every process.

    Args:
        folder: To work in; made.
        extra: More variables. Those that begin with PYTHON reach the cells.
    """

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.marker = f"marker-{secrets.token_hex(8)}"
        self.temporary = self.folder / "tmp"
        self.here = self.folder / "here"
        for path in (self.temporary, self.here):
            path.mkdir(parents=True)
        self._shared = set(_SHARED_MEMORY.iterdir())

    @property
    def environment(self) -> dict[str, str]:
        """Of the commands."""
        own = {"TMPDIR": str(self.temporary), "PYTHON_FAULT_TEST": self.marker}
        return {**os.environ, **own, **self.extra}

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """The command, in a session and group of its own, as a terminal starts one."""
        return subprocess.Popen(
            [HARNESS, *map(str, arguments)],
            cwd=self.here,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The command, waited for."""
        return self.finished(self.start(*arguments))

    def finished(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Its end, with what it said."""
        try:
            out, err = process.communicate(timeout=110)
        except BaseException:
            self.end()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def processes(self) -> dict[int, str]:
        """Everything that runs with our marker in its environment or arguments, whoever its parent is."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and int(folder.name) != os.getpid():
                with suppress(OSError):
                    words = (folder / "cmdline").read_bytes()
                    if self.marker.encode() in words + (folder / "environ").read_bytes():
                        found[int(folder.name)] = words.replace(b"\0", b" ").decode("utf-8", "replace")
        return found

    def end(self) -> None:
        """Kill everything that has our marker, whatever it does meanwhile."""

        def none_left() -> bool:
            for pid in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.processes()

        until(none_left)

    def files(self) -> set[str]:
        """What was written: in the working folder, in TMPDIR, in shared memory."""
        here = {str(path.relative_to(self.here)) for path in self.here.rglob("*") if path.is_file()}
        temporary = {f"TMPDIR/{path.name}" for path in self.temporary.rglob("*") if not path.name.startswith(_CACHES)}
        shared = {str(path) for path in set(_SHARED_MEMORY.iterdir()) - self._shared if "chrom" not in path.name}
        return here | temporary | shared


def messages(process: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines on stderr, those of progress aside."""
    return [line for line in process.stderr.splitlines() if " processes" not in line or line.startswith("harness")]
