"""The environment that templates and cells are started with: listed, not inherited whole."""

from __future__ import annotations

import os
import site
from pathlib import Path

# One thread, so that templates can be forked; a cell asks for more by `run.threads`.
_DECLARED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    # Iteration over sets is the same in every process.
    "PYTHONHASHSEED": "0",
}
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD")
_KEPT_PREFIXES = (
    "PYTHON",
    "CUDA_",
    "CUBLAS_",
    "CUDNN_",
    "NVIDIA_",
    "NCCL_",
    "TORCH_",
    "KMP_",
    "MKL_",
    "OMP_",
    "OPENBLAS_",
)


# The folder that holds the package harness, as this process has it.
_HOME = str(Path(__file__).parents[2])


def declared() -> dict[str, str]:
    """Variables for a template: those kept from this process, then those that are always set."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return {**kept, **_DECLARED, **_search_path(kept.get("PYTHONPATH"))}


def described() -> dict[str, str]:
    """Those of the variables that may decide a number or a speed, for the record of the environment."""
    aside = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    return {f"variable {name}": value for name, value in sorted(declared().items()) if name not in aside}


def _search_path(kept: str | None) -> dict[str, str]:
    """Cells import this very harness, also from a checkout, and no random.py that lies where the command was given."""
    folders = [] if _HOME in site.getsitepackages() else [_HOME]
    folders += [kept] if kept else []
    return {"PYTHONSAFEPATH": "1", **({"PYTHONPATH": os.pathsep.join(folders)} if folders else {})}
