"""One seed feeds three streams: data, initial parameters, batch order."""

from __future__ import annotations

import numpy as np

from harness.problem.draws import Draw, Replayed
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import Inputs

_START, _ORDER = 0, 1


def data_generator(spec: CellSpec, inputs: Inputs) -> Draw:
    """The data stream, seeded directly, so that published data come out again; torch's comes with the inputs."""
    seed = spec.data_seed
    if spec.data.rng == "torch":
        return Replayed(inputs.draws)
    if spec.data.rng == "numpy-legacy":
        return np.random.RandomState(seed)
    return np.random.default_rng(seed)


def start_generator(spec: CellSpec) -> np.random.Generator:
    """The stream of initial parameters: PCG64, spawned, independent of the other two."""
    return _spawned(spec.seed if spec.init.seed is None else spec.init.seed, _START)


def order_generator(spec: CellSpec) -> np.random.Generator:
    """The stream of batch orders: PCG64, spawned, independent of the other two."""
    return _spawned(spec.seed if spec.training.seed is None else spec.training.seed, _ORDER)


def _spawned(seed: int, child: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(child,))))
