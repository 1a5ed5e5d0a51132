"""What a process imports before a cell, so that no cell pays for it inside a clock."""

from __future__ import annotations

import gc
import importlib
import importlib.util

from harness import arithmetic

# Lazily imported parts are named: numpy.random, and torch._dynamo, which the
# first optimiser of a process would import (1.5 to 2.5 s).
_OUTFITS = {
    "numpy": ("numpy", "numpy.random", "harness.worker", "harness.implementations.numpy", "harness.reference.path"),
    "torch": (
        "numpy",
        "numpy.random",
        "torch",
        "torch._dynamo",
        "torch.profiler._cupti_monitor",
        "harness.worker",
        "harness.implementations.autograd",
        "harness.implementations.optim",
        "harness.implementations.module",
    ),
}


def preload(outfit: str) -> None:
    """Import the outfit and set what exists aside from garbage collection."""
    for module in _OUTFITS[outfit]:
        # Not every version of torch has every lazily imported part.
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    if outfit == "torch":
        # As most cells want it: each would else set it again, 0.4 ms after a fork.
        arithmetic.tf32(False)
    gc.collect()
    # A collection in a forked cell would else visit, and so copy, every page of
    # the template's objects.
    gc.freeze()
