"""What a run's numbers rest on besides its scenarios: code and package versions, to be compared later."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import harness
from harness import environment
from harness.plugins import Loaded

# (kind, name) to a digest or a version.
Fingerprint = dict[tuple[str, str], str]
# Rooms above the run file: they show what came out, and decide nothing of it.
_ABOVE = (
    "analysis", "changes.py", "cli", "dictionary.py", "estimate", "export", "fingerprint.py", "frames", "progress.py",
    "report", "reproduce.py", "resume.py", "schema", "streams.py", "testing",
)  # fmt: skip


def fingerprint(plugins: Iterable[Loaded]) -> Fingerprint:
    """Of this process's harness, its packages, and these plug-ins with theirs."""
    packages = {"python": platform.python_version(), **environment.versions()}
    files: dict[str, str] = {}
    for plugin in plugins:
        packages |= plugin.packages
        files |= plugin.files
    return {
        **{("code", name): value for name, value in _own_code().items()},
        **{("plug-in", name): value for name, value in files.items()},
        **{("package", name): value for name, value in packages.items()},
    }


@cache
def _own_code() -> dict[str, str]:
    folder = Path(harness.__file__).parent
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.py"))]
    return {
        f"harness/{path.as_posix()}": hashlib.blake2b((folder / path).read_bytes(), digest_size=8).hexdigest()
        for path in paths
        if path.parts[0] not in _ABOVE
    }


def differences(then: Mapping[tuple[str, str], str], now: Mapping[tuple[str, str], str]) -> list[str]:
    """What changed, a sentence each: packages with both versions, files by name, the harness's own in one."""
    keys = [key for key in sorted({*then, *now}) if then.get(key) != now.get(key)]
    own = [name for kind, name in keys if kind == "code"]
    found = [f"the harness's own code: {', '.join(own)}"] if own else []
    for kind, name in keys:
        before, after = then.get((kind, name), "not there"), now.get((kind, name), "not there")
        if kind == "package":
            found.append(f"{name}: was {before}, is {after}")
        elif kind == "plug-in":
            found.append(f"{name}: has changed")
    return found
