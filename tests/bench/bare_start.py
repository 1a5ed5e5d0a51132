"""
The floor of a spawned cell: `python -m tests.bench.bare_start OUTFIT`.

A new interpreter that imports what a cell of the outfit needs, and ends at once.
"""

from __future__ import annotations

import os
import sys

from harness.executors.preload import preload

if __name__ == "__main__":
    preload(sys.argv[1])
    os._exit(0)
