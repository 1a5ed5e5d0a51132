"""Shared fixtures, and what holds for every test."""

from __future__ import annotations

from hypothesis import settings

# No test is timed: a busy machine is not a fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
