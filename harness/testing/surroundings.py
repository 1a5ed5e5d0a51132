"""What an implementation shares with the rest of its process: random streams and outputs."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

from harness.testing.walk import bits


def _torch() -> Any:
    """torch where it is imported already: an implementation that needs it has done so."""
    return sys.modules.get("torch")


def streams() -> dict[str, Any]:
    """The states of the global random streams, by the package's name."""
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": np.random.get_state()}
    torch = _torch()
    if torch:
        states["torch"] = torch.random.get_rng_state()
        if torch.cuda.is_available():
            states["torch.cuda"] = torch.cuda.get_rng_state_all()
    return states


def drawn_from(before: dict[str, Any]) -> list[str]:
    """The streams that are no longer where they were."""
    now = streams()
    return [name for name, state in before.items() if _content(name, now[name]) != _content(name, state)]


def _content(name: str, state: Any) -> Any:
    return state if name == "random" else bits(state)


def seed_streams(seed: int) -> None:
    """Seed all of them."""
    random.seed(seed)
    np.random.seed(seed)
    if _torch():
        _torch().manual_seed(seed)


@contextmanager
def kept_streams() -> Iterator[None]:
    """Put the streams back afterwards: the tests around may rely on them."""
    before = streams()
    try:
        yield
    finally:
        random.setstate(before["random"])
        np.random.set_state(before["numpy.random"])
        if "torch" in before:
            _torch().random.set_rng_state(before["torch"])
        if "torch.cuda" in before:
            _torch().cuda.set_rng_state_all(before["torch.cuda"])


@contextmanager
def printed() -> Iterator[dict[str, str]]:
    """
    What is written to stdout and stderr inside, by Python or below it.

    Yields:
        The texts by name; they are there after the block.
    """
    texts: dict[str, str] = {}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        saved = os.dup(1), os.dup(2)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                yield texts
        finally:
            for number, copy in enumerate(saved, start=1):
                os.dup2(copy, number)
                os.close(copy)
        for name, file in (("stdout", out), ("stderr", err)):
            file.flush()
            file.seek(0)
            texts[name] = file.read()
