"""A plug-in that can be asked what it registers, and not be loaded in a cell."""

from __future__ import annotations

import sys
from typing import Any

import harness

Numpy: Any = harness.implementations.get("numpy")


@harness.implementation("import-raises")
class Unreached(Numpy):
    """NumPy's, never reached."""


if "described" not in sys.argv[0]:
    raise ValueError("not to be imported")
