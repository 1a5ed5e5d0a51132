"""Shared fixtures, and what holds for every test."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

# No test is timed: a busy machine is not a fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="module", autouse=True)
def _set_aside() -> None:
    """
    What this process holds by now, all tests and torch among it, as a template sets its imports aside.

    A timed pass collects garbage first: 0.3 to 0.7 s each in a process that holds the whole suite.
    """
    gc.collect()
    gc.freeze()
