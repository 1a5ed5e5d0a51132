"""The traces of a run as a parquet file beside its page: loss and parameters by step."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from harness import dictionary
from harness.frames import Run
from harness.frames.origin import Origin
from harness.frames.text import spelled
from harness.record import Arrays

# A scenario, a cell, a replicate; and what it recorded.
Part: TypeAlias = tuple[tuple[str, str, int], Arrays]

NAME = "curves.parquet"
# As the run file holds them. So many take three seconds to unpack and write, and give a file of 20 MB.
MOST_BYTES = 32 * 2**20


def stored_bytes(run: Run) -> int:
    """What the traces take in the run file."""
    (row,) = run.file.rows("SELECT COALESCE(SUM(LENGTH(data)), 0) AS bytes FROM trace")
    return int(row["bytes"])


def reason_against(run: Run) -> str:
    """Why there is no such file; empty where there is one."""
    stored = stored_bytes(run)
    if not stored:
        return "no cell left a trace"
    if stored > MOST_BYTES:
        size = f"{stored / 2**20:.0f} MiB of traces, and beside the page are at most {MOST_BYTES / 2**20:.0f}"
        return f"{size}: harness export {run.file.name} --table traces --format parquet -o {NAME}"
    return ""


def as_parquet(run: Run) -> bytes:
    """
    One row a recorded state; of replicates that left the same bits the first stands for all.

    What the file's columns mean, the run and its versions are its attributes, as pandas reads them
    (`pandas.read_parquet(...).attrs`).
    """
    done = run.cells[run.cells["status"] == "ok"].drop_duplicates(["scenario", "cell", "digest"])
    keys = zip(done["scenario"], done["cell"], done["replicate"], strict=True)
    parts = [(key, run.file.trace(*key)) for key in keys]
    parts = [(key, arrays) for key, arrays in parts if arrays]
    frame = pd.DataFrame(
        {
            # Parquet's texts are UTF-8, which has no lone surrogates.
            "scenario": _repeated([spelled(str(key[0])) for key, _ in parts], parts),
            "cell": _repeated([str(key[1]) for key, _ in parts], parts),
            "replicate": _repeated([int(key[2]) for key, _ in parts], parts),
            **{name: _joined(name, parts) for name in ("step", "loss", "step_loss")},
            "parameters": [state for _, arrays in parts for state in arrays["parameters"]],
        }
    )
    origin = Origin.of(run)
    meanings = {name: _meaning(name) for name in map(str, frame.columns)}
    frame.attrs = {"run": spelled(origin.run), "versions": origin.head["versions"], "columns": meanings}
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False, compression="zstd")
    return sink.getvalue()


def _repeated(values: Sequence[Any], parts: Sequence[Part]) -> Any:
    """A value for each state of each trace."""
    return np.repeat(np.asarray(values), [len(arrays["step"]) for _, arrays in parts])


def _joined(name: str, parts: Sequence[Part]) -> Any:
    return np.concatenate([arrays[name] for _, arrays in parts]) if parts else []


def _meaning(name: str) -> str:
    if name == "parameters":
        return "all parameters: the weights, then the bias; of a net all weights layer by layer, then all biases"
    return dictionary.column("traces", name).meaning
