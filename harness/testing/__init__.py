"""
Checks that every implementation must pass, shipped for authors of plug-ins.

    import harness.testing
    from mine import Mine

    class TestMine(harness.testing.ImplementationChecks):
        implementation = Mine

Run it with pytest, or beside `unittest.TestCase` with unittest. Nothing here imports torch or pytest.
"""

from __future__ import annotations

from harness.testing.checks import ImplementationChecks

__all__ = ["ImplementationChecks"]
