"""What each column of every exported table means: the one place that says it, for files, terminal and page."""

from __future__ import annotations

from dataclasses import dataclass

# What a column holds: `level` is the value of an axis, a number, a word or a list; `json` a list,
# a number or an object. A number or an integer that does not exist is empty.
TYPES = ("text", "integer", "number", "level", "json")
# The entry that stands for every axis named by a dotted key.
DOTTED = "any dotted key"


@dataclass(frozen=True)
class Column:
    """
    One column of a table.

    Args:
        name: Its head.
        type: One of TYPES.
        unit: `s`, `bytes`, `digits`; `1` for a pure number or a count; empty where none applies.
        meaning: What it says, one phrase.
    """

    name: str
    type: str
    unit: str
    meaning: str


def _columns(*rows: tuple[str, str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_SCENARIO = ("scenario", "text", "", "name of the scenario, its file's without .toml")
_CELL = ("cell", "text", "", "id of the cell: a hash, after a letter, of what decides its numbers")
_REPLICATE = ("replicate", "integer", "1", "which of the processes that ran the same cell, from 0")
_STATUS = ("status", "text", "", "how the process ended: ok, skipped, failed, crashed, timed_out, out_of_memory")
_REASON = ("reason", "text", "", "why it is not ok, one sentence; empty if it is")
_STARTED = ("started", "number", "s", "when the process started, since 1970-01-01 UTC")
_TEMPLATE = ("template", "text", "", "the process it was forked from: outfit, slot and number")
_STEP_SECONDS = ("step_seconds", "number", "s", "wall clock of one update: median over timed passes of their mean")
_CPU_STEP_SECONDS = ("cpu_step_seconds", "number", "s", "processor time of one update, likewise")
_DIGEST = ("digest", "text", "", "hash of the parameters at every state and of every step's loss, to the last bit")

_REFERENCE = ("reference", "text", "", "id of the same training in extended precision: its row in the table reference")
_DOTTED = (DOTTED, "level", "", "an axis that is this key of the scenario file; empty for scenarios without it")

TABLES: dict[str, tuple[Column, ...]] = {
    "cells": _columns(
        _CELL,
        _SCENARIO,
        ("implementation", "text", "", "which code computes the update"),
        ("device", "text", "", "where it runs: cpu, cuda"),
        ("dtype", "text", "", "precision of data, parameters and arithmetic: float32 or float64"),
        ("batch_size", "level", "1", "rows an update sees; the word full for all of them"),
        ("learning_rate", "number", "1", "rate of the updates, before any schedule"),
        ("seed", "integer", "1", "what data, start and order are drawn from"),
        _REPLICATE,
        _STATUS,
        _REASON,
        ("outcome", "text", "", "how the training went, of ok cells: diverged, converged, stalled, unfinished"),
        ("steps", "integer", "1", "updates done"),
        ("loss", "number", "1", "loss over all training rows at the end, evaluated in float64"),
        ("validation_loss", "number", "1", "the same over the validation rows"),
        ("weights", "json", "1", "weights as trained; a list per layer for a net"),
        ("bias", "json", "1", "bias as trained; a list per layer for a net; empty without intercept"),
        _DIGEST,
        _STEP_SECONDS,
        ("setup_seconds", "number", "s", "wall clock of load() in the recorded pass"),
        ("first_step_seconds", "number", "s", "wall clock of the first update of the process"),
        ("peak_bytes", "integer", "bytes", "most memory taken beyond what the process began with"),
        ("host", "text", "", "name of the machine"),
        ("order", "integer", "1", "place in the order in which the run's processes ended, from 0"),
        _STARTED,
        _TEMPLATE,
        ("jobs", "integer", "1", "processes running at once in that phase"),
        ("phase", "text", "", "part of the run: accuracy, or timed where one process runs at a time"),
        ("round", "integer", "1", "which replicate of all timed cells it belongs to"),
        ("seconds", "number", "s", "wall clock of the whole process, from its start to its exit"),
        _CPU_STEP_SECONDS,
        ("correct_digits", "number", "digits", "least number of correct decimal digits of a parameter, by the optimum"),
        ("gradient_norm", "number", "1", "2-norm of the gradient at the end, over all training rows"),
        ("optimum", "json", "1", "the exact optimum: weights, then the bias; empty where none or not unique"),
        ("truth", "json", "1", "what the data were made with: weights, then the bias"),
        ("condition_number", "number", "1", "of the loss's Hessian: largest over smallest eigenvalue"),
        ("rank", "integer", "1", "rank of a linear model's design matrix, its columns scaled to one size"),
        ("optimum_digits", "number", "digits", "digits of the optimum that hold for all data that round to these"),
        ("stable_learning_rate", "number", "1", "largest rate at which full-batch descent is stable"),
        ("device_peak_bytes", "integer", "bytes", "most memory taken on the device, where it has its own"),
        ("phases", "json", "s", "seconds by phase of the process: data, setup, recording, timing, evaluation"),
        ("stdout", "text", "", "the last of what the process wrote there"),
        ("stderr", "text", "", "the last of what the process wrote there, a traceback included"),
        ("attempt", "integer", "1", "which start of the run it belongs to; a resumed run has several, from 0"),
        ("target_steps", "json", "1", "updates until each share of target.tau is left; null where it was not reached"),
        _REFERENCE,
        _DOTTED,
    ),
    "traces": _columns(
        _SCENARIO,
        _CELL,
        _REPLICATE,
        ("step", "integer", "1", "updates done when the state was recorded, from 0"),
        ("epoch", "number", "1", "the same in passes over the training rows"),
        ("loss", "number", "1", "loss of this state over all training rows, evaluated in float64"),
        ("step_loss", "number", "1", "what the update leaving this state returned: the loss before it, on its batch"),
        ("weights", "json", "1", "weights of this state; a list per layer for a net"),
        ("bias", "json", "1", "bias of this state; a list per layer for a net; empty without intercept"),
    ),
    "timings": _columns(
        _SCENARIO,
        _CELL,
        _REPLICATE,
        ("kind", "text", "", "what was measured: setup, first_step, warm_up or pass"),
        ("number", "integer", "1", "which of its kind in the process, from 0"),
        ("seconds", "number", "s", "wall clock; the mean of loops where there is more than one"),
        ("cpu_seconds", "number", "s", "processor time of the process over the same span, likewise"),
        ("loops", "integer", "1", "passes measured together, where one is too short for the clock"),
    ),
    "environment": _columns(
        ("host", "text", "", "name of the machine"),
        ("key", "text", "", "what is told: harness, python, numpy, cpu, load before, …"),
        ("value", "text", "", "what it is there"),
    ),
    "reference": _columns(
        _SCENARIO,
        _REFERENCE,
        ("batch_size", "level", "1", "rows an update sees; the word full for all of them"),
        ("learning_rate", "number", "1", "rate of the updates, before any schedule"),
        ("seed", "integer", "1", "what data, start and order are drawn from"),
        _STATUS,
        _REASON,
        ("outcome", "text", "", "how the training went, as of a cell"),
        ("steps", "integer", "1", "updates done"),
        ("loss", "number", "1", "loss over all training rows at the end, in extended precision, rounded once"),
        ("weights", "json", "1", "weights at the end, rounded to float64"),
        ("bias", "json", "1", "bias at the end, rounded to float64"),
        ("optimum", "json", "1", "the exact optimum: weights, then the bias; empty where none or not unique"),
        ("optimum_digits", "number", "digits", "digits of the optimum that the rounding of the data leaves"),
        ("rank", "integer", "1", "of the model's columns, the intercept's among them, scaled to one length"),
        ("truth", "json", "1", "what the data were made with: weights, then the bias"),
        ("largest_curvature", "number", "1", "largest eigenvalue of the loss's Hessian"),
        ("smallest_curvature", "number", "1", "smallest eigenvalue that is not 0"),
        ("condition_number", "number", "1", "largest over smallest eigenvalue of the loss's Hessian"),
        ("stable_learning_rate", "number", "1", "largest rate at which full-batch descent is stable"),
        ("contraction", "number", "1", "factor a step by which the distance to the optimum changes in the long run"),
        ("predicted_steps", "json", "1", "updates until each share of target.tau is left, by theory; inf for never"),
        ("target_steps", "json", "1", "the same, as the reference took them"),
        _STARTED,
        ("seconds", "number", "s", "wall clock of its process"),
        _DOTTED,
    ),
    "budget": _columns(
        _SCENARIO,
        _CELL,
        _REPLICATE,
        ("space", "text", "", "trained: of the model's columns; raw: of the unscaled columns"),
        ("parameter", "text", "", "weights[0], …, bias"),
        ("total", "number", "1", "all parts together: found less true, or less what comes nearest to that"),
        ("rounding", "number", "1", "found less the reference: what the cell's arithmetic did"),
        ("optimisation", "number", "1", "the reference less the optimum: the training has not arrived"),
        ("estimation", "number", "1", "the optimum less the truth: the data are few and noisy"),
    ),
    "canary": _columns(
        ("attempt", "integer", "1", "which start of the run it belongs to, from 0"),
        ("round", "integer", "1", "the timed round it was run in"),
        ("implementation", "text", "", "which code computes the update: one for each kind of template"),
        _STATUS,
        _REASON,
        _STARTED,
        _TEMPLATE,
        _STEP_SECONDS,
        _CPU_STEP_SECONDS,
        _DIGEST,
    ),
}

# csv has no place for facts about the file, so they are the last columns of every table.
STAMP = _columns(
    ("run", "text", "", "name of the run; csv only, other formats say it once"),
    ("harness_version", "text", "", "version of the harness that ran it; csv only"),
    ("run_schema", "integer", "1", "schema number of the run file; csv only"),
)


_DOTTED_ENTRY = Column(*_DOTTED)


def column(table: str, name: str) -> Column:
    """
    What a column means.

    Raises:
        KeyError: If the table has no such column.
    """
    for found in (*TABLES[table], *STAMP):
        if found.name == name:
            return found
    if "." not in name or _DOTTED_ENTRY not in TABLES[table]:
        raise KeyError(f"no column {name!r} in the table {table!r}")
    dotted = column(table, DOTTED)
    return Column(name, dotted.type, dotted.unit, dotted.meaning)


def names(table: str, *types: str) -> tuple[str, ...]:
    """The columns that every such table has, in order; only those of these types, if any are given."""
    known = (column for column in TABLES[table] if column.name != DOTTED)
    return tuple(column.name for column in known if not types or column.type in types)
