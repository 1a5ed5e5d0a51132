"""What a process will be skipped for, as far as can be told without importing torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness import catalogue, environment
from harness.job import Job

# NVIDIA's driver, and Windows' graphics inside WSL: torch finds no CUDA device where there is neither.
CUDA_FILES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


def absent(job: Job, cuda_files: Sequence[Path] = CUDA_FILES) -> str | None:
    """
    Why this machine will skip the process for certain.

    Returns:
        None where it will run, or where only the process itself can tell.
    """
    spec = job.spec
    runs_on = catalogue.entry(spec.implementation).devices
    if spec.device not in runs_on:
        return f"{spec.implementation} runs on {', '.join(runs_on)} only"
    if spec.device != "cuda":
        return None
    if environment.versions().get("torch", "").endswith("+cpu"):
        return "cuda: this torch is built without CUDA"
    if sys.platform == "linux" and not any(path.exists() for path in cuda_files):
        return "cuda: this machine has no NVIDIA driver"
    return None
