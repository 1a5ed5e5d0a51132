"""
What torch draws for the data: `python -m harness.torch_draws FD`.

In a process of its own: neither the run nor a cell in NumPy imports torch. It reads a list of
cells from the file FD, and writes what it drew for each behind it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

import numpy as np
import torch

from harness.problem.data import make_data
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import Inputs
from harness.scenario.model import Linear


class TorchDraw:
    """
    torch's generator for the processor, in float32, as `torch.manual_seed(seed)` makes it.

    Attributes:
        drawn: Every draw so far, flat.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self.drawn: list[list[float]] = []

    def normal(self, loc: float, scale: float, size: Any) -> Any:
        """loc + scale * torch.randn(size)"""
        return self._kept(torch.randn(size, generator=self._generator, dtype=torch.float32) * scale + loc)

    def uniform(self, low: float, high: float, size: Any) -> Any:
        """low + (high - low) * torch.rand(size)"""
        return self._kept(torch.rand(size, generator=self._generator, dtype=torch.float32) * (high - low) + low)

    def permutation(self, x: int) -> Any:
        """torch.randperm(x)"""
        return self._kept(torch.randperm(x, generator=self._generator)).astype(np.intp)

    def _kept(self, values: torch.Tensor) -> Any:
        wide = values.to(torch.float64)
        self.drawn.append(wide.flatten().tolist())
        return wide.numpy()


def main() -> None:
    """Draw for each cell asked for."""
    fd = int(sys.argv[1])
    with open(fd, "r+b", closefd=False) as file:
        asked = json.loads(file.read())
    answer = json.dumps([_drawn(CellSpec.model_validate(item["spec"]), item["inputs"]) for item in asked])
    os.ftruncate(fd, 0)
    os.pwrite(fd, answer.encode(), 0)


def _drawn(spec: CellSpec, inputs: dict[str, Any]) -> list[list[float]]:
    draw = TorchDraw(spec.data_seed)
    # Cells share what is drawn for their data, whatever their models make of it.
    spec = spec.model_copy(update={"model": Linear(kind="linear")})
    with contextlib.suppress(ValueError):  # the cell itself says what is wrong with its data
        make_data(spec, Inputs.from_lists(inputs), draw)
    return draw.drawn


if __name__ == "__main__":
    main()
