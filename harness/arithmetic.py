"""What `[run]` says of a cell's arithmetic, set in the cell's own process: threads, TF32, deterministic algorithms."""

from __future__ import annotations

import os
import sys
import warnings

from harness.scenario.cell import CellSpec

# What cuBLAS needs to give the same bits each time; read when a cell first uses the device.
_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def settle(spec: CellSpec, rows: str) -> None:
    """
    Set what a cell asks for, each thing both ways: whoever used this process before leaves nothing behind.

    Args:
        spec: The cell.
        rows: Its implementation's kind of rows, `numpy` or `torch`.
    """
    _threads(spec.threads, rows)
    # Whatever uses torch has imported it by now; what does not never waits for it.
    if "torch" in sys.modules:
        tf32(spec.tf32)
        _deterministic(spec.deterministic)


def _threads(count: int, rows: str) -> None:
    """Templates are started with one thread; more are asked for here, after the fork."""
    if rows == "torch":
        import torch

        torch.set_num_threads(count)
    elif count != 1:
        import threadpoolctl

        threadpoolctl.threadpool_limits(count, user_api="blas")


def tf32(allowed: bool) -> None:
    """
    May matrix products and convolutions in float32 be rounded to TF32 on a GPU?

    By the older names: they keep both sets of names true. After the newer ones
    (`fp32_precision`) torch 2.13 refuses to read the older, which its own
    `torch.backends.cudnn.flags` does. torch 2.9 warns of them.
    """
    import torch

    if _is_tf32() == (allowed, allowed):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed


def _is_tf32() -> tuple[bool, bool] | None:
    """Of cuBLAS and of cuDNN; None where the newer names were used, and the older cannot be read."""
    import torch

    try:
        # What the public names read: 5 times as fast in a cell that was just forked (0.02 ms).
        return torch._C._get_cublas_allow_tf32(), torch._C._get_cudnn_allow_tf32()
    except RuntimeError:
        return None


def _deterministic(wanted: bool) -> None:
    import torch

    if wanted:
        os.environ.setdefault(*_WORKSPACE)
    # Asked first: setting it imports parts of torch's compiler.
    if torch._C._get_deterministic_algorithms() != wanted:
        torch.use_deterministic_algorithms(wanted)
