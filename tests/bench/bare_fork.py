"""
The floor of isolation: `python -m tests.bench.bare_fork OUTFIT PAGES`.

A process that has imported the outfit, as a template has, and for every line on
stdin forks a child that exits at once, waits for it, and answers with the seconds.
With PAGES `large` its memory is in large pages, as a template's is; else `small`.
"""

from __future__ import annotations

import os
import sys
import time

from harness.executors.preload import preload
from harness.linux import use_large_pages


def main() -> None:
    """Answer every line."""
    preload(sys.argv[1])
    if sys.argv[2] == "large":
        use_large_pages()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
