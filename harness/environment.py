"""Where and with what a run was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import subprocess
from pathlib import Path

import harness

_PACKAGES = ("torch", "numpy", "pandas", "scipy", "matplotlib", "pydantic", "jinja2", "threadpoolctl")


def host() -> str:
    """The machine's name, as it stands in every record."""
    return socket.gethostname()


def describe() -> dict[str, str]:
    """Facts about this machine, without importing what cells import."""
    facts = {
        "harness": harness.__version__,
        "python": platform.python_version(),
        **versions(),
        "os": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{_total_memory() / 2**30:.1f} GiB",
        "governor": _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "gpu": _gpu(),
        "commit": _commit(),
    }
    return {name: value for name, value in facts.items() if value}


def versions() -> dict[str, str]:
    """Versions of the packages that numbers and pages rest on; those that are not installed are left out."""
    found = {package: _version(package) for package in _PACKAGES}
    return {package: version for package, version in found.items() if version}


def load_average() -> str:
    """The machine's load over one, five and fifteen minutes."""
    return ", ".join(f"{load:.2f}" for load in os.getloadavg())


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return ""


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _total_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gpu() -> str:
    if shutil.which("nvidia-smi") is None:
        return ""
    return _output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def _commit() -> str:
    """The commit of the code that runs, and whether its files were changed since."""
    folder = str(Path(__file__).parent)
    if not (Path(folder).parent / ".git").exists():
        return ""
    commit = _output("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
    changed = _output("git", "-C", folder, "status", "--porcelain", "--", folder)
    return f"{commit} (changed)" if commit and changed else commit


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
