"""`harness reproduce`: cells of a run once more, bit for bit?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
from pathlib import Path

from harness.analysis.reproduction import Reproduction
from harness.cli.finish import cores, executor_of
from harness.errors import UserError
from harness.fingerprint import differences, fingerprint
from harness.plugins import register, used
from harness.reproduce import Recorded, recorded, reproductions
from harness.resume import plugin_files, stored
from harness.scenario.faults import nearest
from harness.store.find import find
from harness.streams import put, say


def execute(options: argparse.Namespace) -> int:
    """Run cells again; 0 if every one is the same to the last bit."""
    if options.pdb:
        options.executor = "inline"
    run = find(options.run, Path(options.out))
    items = _chosen(recorded(run), options)
    changed = differences(stored(run), fingerprint(used(register(plugin_files(run)), run.plugins)))
    if not options.json:
        for line in changed:
            say(f"not as in the run: {line}")
    executor, found = executor_of(options), []
    try:
        for result in reproductions(run, items, executor, options.jobs or cores()):
            found.append(result)
            if not options.json:
                put(f"{_line(result)}\n")
    finally:
        executor.close()
    same = sum(result.reproduced for result in found)
    if options.json:
        put(json.dumps({"cells": [_content(result) for result in found], "changed": changed}, indent=1) + "\n")
    else:
        put(f"{_summary(found)}\n")
    return 0 if same == len(found) else 1


def _chosen(items: list[Recorded], options: argparse.Namespace) -> list[Recorded]:
    """
    The cells that the user names, or a sample.

    Raises:
        UserError: If there is no such cell.
    """
    ids = [item.planned.cell for item in items]
    for wanted in options.cell:
        if wanted not in ids:
            raise UserError(f"--cell {wanted}: the run has no record of such a cell{nearest(wanted, ids) or '.'}")
    if options.cell:
        items = [item for item in items if item.planned.cell in options.cell]
    if not items:
        raise UserError(f"{options.run}: no cell of this run has a record.")
    if options.sample is not None and options.sample < len(items):
        items = random.sample(items, options.sample)
    return items


def _line(result: Reproduction) -> str:
    axes = ", ".join(f"{axis}={level}" for axis, level in result.axes.items())
    return f"{'✓' if result.reproduced else '✕'} {result.cell} {result.scenario} ({axes}): {_said(result)}"


def _summary(found: list[Reproduction]) -> str:
    same = [result for result in found if result.reproduced]
    ended = sum(result.now != "ok" for result in same)
    how = f"{len(same) - ended} to the last bit, {ended} ended as before" if ended else "to the last bit"
    sign = "✓" if len(same) == len(found) else "✕"
    return f"{sign} {len(same)} of {len(found)} cells came out again" + (f", {how}." if same else ".")


def _said(result: Reproduction) -> str:
    if result.status != result.now:
        return f"was {result.status}, is {result.now}{': ' if result.reason else ''}{result.reason}"
    if result.reproduced:
        return "the same bits" if result.now == "ok" else f"{result.now} again: {result.reason}"
    part = result.departure
    if part is None:
        return f"differs in {', '.join(result.differing)}"
    return (
        f"differs from step {part.step} on: {part.quantity} was {part.then!r}, is {part.now!r} ({part.ulp:.3g} ULP); "
        f"in the record {', '.join(result.differing)}"
    )


def _content(result: Reproduction) -> dict[str, object]:
    content = dataclasses.asdict(result)
    if result.departure is not None:
        # JSON has no nan and inf; they become words.
        content["departure"] |= {name: repr(getattr(result.departure, name)) for name in ("then", "now", "ulp")}
    return {**content, "reproduced": result.reproduced}
