"""A plug-in that can be asked what it registers, and ends the process of a cell."""

from __future__ import annotations

import os
import sys
from typing import Any

import harness

Numpy: Any = harness.implementations.get("numpy")


@harness.implementation("import-aborts")
class Unreached(Numpy):
    """NumPy's, never reached."""


if "described" not in sys.argv[0]:
    os.abort()
