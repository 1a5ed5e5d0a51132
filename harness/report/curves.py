"""The traces of a run as a parquet file beside its page: loss and parameters by step."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness import dictionary
from harness.frames import Run
from harness.frames.origin import Origin
from harness.frames.text import spelled
from harness.packed import Packed, stacked

# A scenario, a cell, a replicate; and what it recorded.
Key: TypeAlias = tuple[str, str, int]
Part: TypeAlias = tuple[Key, Packed]

NAME = "curves.parquet"
_NUMBERS = ("step", "loss", "step_loss")
# Traces that are written together, and held apart from the run file.
_AT_ONCE = 4_096
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


def as_parquet(run: Run) -> memoryview:
    """
    One row a recorded state; of replicates that left the same bits the first stands for all.

    What the file's columns mean, the run and its versions are its attributes, as pandas reads them
    (`pandas.read_parquet(...).attrs`).
    """
    done = run.cells[run.cells["status"] == "ok"].drop_duplicates(["scenario", "cell", "digest"])
    keys = [*zip(done["scenario"], done["cell"], done["replicate"], strict=True)]
    schema = _schema(run, keys)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for start in range(0, max(1, len(keys)), _AT_ONCE):
            writer.write_table(_table(schema, _parts(run, keys[start : start + _AT_ONCE])))
    # What was freed is not kept for other tables: there are none.
    pa.default_memory_pool().release_unused()
    return sink.getbuffer()


def _parts(run: Run, keys: Sequence[Key]) -> list[Part]:
    """The traces of these cells; none of one that left none."""
    return [(key, arrays) for key in keys if (arrays := run.file.trace(*key))]


def _schema(run: Run, keys: Sequence[Key]) -> pa.Schema:
    """
    What pandas would say of a frame of all states.

    The frame itself would have an array for each state, which takes ten times the memory of its numbers; that of the
    first trace is described alike.
    """
    frame = _frame(next(filter(None, (_parts(run, [key]) for key in keys)), []))
    origin = Origin.of(run)
    meanings = {name: _meaning(name) for name in map(str, frame.columns)}
    frame.attrs = {"run": spelled(origin.run), "versions": origin.head["versions"], "columns": meanings}
    schema = pa.Table.from_pandas(frame, preserve_index=False).schema
    return schema.with_metadata({**schema.metadata, b"PANDAS_ATTRS": json.dumps(frame.attrs).encode()})


def _frame(parts: Sequence[Part]) -> pd.DataFrame:
    """The states of one trace, or of none."""
    states = [(key, arrays, place) for key, arrays in parts for place in range(len(arrays["step"]))]
    return pd.DataFrame(
        {
            "scenario": pd.Series([spelled(str(key[0])) for key, _, _ in states], dtype="str"),
            "cell": pd.Series([str(key[1]) for key, _, _ in states], dtype="str"),
            "replicate": [int(key[2]) for key, _, _ in states],
            **{name: [arrays[name][place] for _, arrays, place in states] for name in _NUMBERS},
            "parameters": [arrays["parameters"][place] for _, arrays, place in states],
        }
    )


def _table(schema: pa.Schema, parts: Sequence[Part]) -> pa.Table:
    if not parts:
        return schema.empty_table()
    # Parquet's texts are UTF-8, which has no lone surrogates.
    named = zip(
        *((spelled(str(scenario)), str(cell), int(number)) for (scenario, cell, number), _ in parts), strict=True
    )
    places = pa.array(np.repeat(np.arange(len(parts)), [arrays.layout.parts["step"][1] for _, arrays in parts]))
    # Those of one layout that lie beside each other are read at once.
    groups = [[*group] for _, group in groupby((arrays for _, arrays in parts), key=lambda arrays: arrays.layout)]
    found = [stacked(group, *_NUMBERS, "parameters") for group in groups]
    columns = [pa.array(values, type=kind).take(places) for values, kind in zip(named, schema.types[:3], strict=True)]
    *numbers, states = zip(*found, strict=True)
    columns += [pa.array(np.concatenate([*map(np.ravel, values)]), from_pandas=True) for values in numbers]
    return pa.Table.from_arrays([*columns, _states(states)], schema=schema)


def _states(groups: Sequence[NDArray[np.float64]]) -> pa.Array:
    """The parameters of each state, groups of shape (traces, states, p), a list each; of two models p may differ."""
    lengths = np.concatenate([np.repeat(states.shape[2], states[..., 0].size) for states in groups])
    flat = np.concatenate([*map(np.ravel, groups)])
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *lengths]), type=pa.int32()), pa.array(flat))


def _meaning(name: str) -> str:
    if name == "parameters":
        return "all parameters: the weights, then the bias; of a net all weights layer by layer, then all biases"
    return dictionary.column("traces", name).meaning
