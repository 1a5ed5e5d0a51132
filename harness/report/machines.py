"""Where a run was made, from its record of the environment: what machines share, what tells them apart, the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.report import numbers

# Keys of the record to what people call them; `host` is the machine's name.
MACHINE = {
    "host": "Name", "os": "Operating system", "machine": "Architecture", "cpu": "Processor",
    "cpus": "Processors it may use", "memory": "Memory", "gpu": "GPU with driver",
    "governor": "Frequency governor", "load before": "Load before (1, 5, 15 min)",
    "load after": "Load after (1, 5, 15 min)",
}  # fmt: skip
SOFTWARE = {
    "harness": "harness", "python": "Python", "torch": "PyTorch", "torch_cuda": "CUDA in PyTorch", "numpy": "NumPy",
    "scipy": "SciPy", "pandas": "pandas", "matplotlib": "matplotlib", "pydantic": "pydantic", "jinja2": "Jinja",
    "threadpoolctl": "threadpoolctl", "libc": "C library",
}  # fmt: skip
_ISOLATION, _VARIABLE, _IMPORT = "isolation", "variable ", "import_seconds "
# Beyond so many characters a value is folded by itself.
_LONG = 300
# Of every machine its own, and no difference between them.
_MEASURED = ("load before", "load after", _IMPORT)
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Machines:
    """
    The machines of a run.

    Args:
        hosts: Their names.
        differing: Label to the value on each of them, where these differ; empty with one machine.
        machine: Label and value of what is the same on all.
        software: Likewise.
        rest: Likewise: variables, times of imports, keys that are not known.
        long: Values too long for a table.
    """

    hosts: tuple[str, ...]
    differing: Mapping[str, tuple[str, ...]]
    machine: tuple[tuple[str, str], ...]
    software: tuple[tuple[str, str], ...]
    rest: tuple[tuple[str, str], ...]
    long: tuple[tuple[str, str], ...]


def of(environment: pd.DataFrame) -> Machines:
    """
    Every fact of the record in one of its places.

    Args:
        environment: Columns host, key and value.
    """
    by_host: dict[str, dict[str, str]] = {}
    for host, key, value in environment[["host", "key", "value"]].itertuples(index=False):
        by_host.setdefault(str(host), {})[str(key)] = str(value)
    hosts = tuple(by_host)
    facts = {host: _joined({"host": host, **found}) for host, found in by_host.items()}
    keys = list(dict.fromkeys(key for found in facts.values() for key in found))
    same = {key: value for key in keys if (value := _shared(key, list(facts.values()))) is not None}
    apart = [key for key in keys if key not in same and key != "host" and not key.startswith(_MEASURED)]
    short = [key for key in apart if all(len(found.get(key, "")) <= _LONG for found in facts.values())]
    owned = {f"{label(key)} on {host}": worded(key, found[key]) for host, found in facts.items() for key in keys
             if key in found and key not in same and key not in short and key != "host"}  # fmt: skip
    common = {label(key): worded(key, value) for key, value in same.items() if key not in (*MACHINE, *SOFTWARE)}
    everything = {**common, **owned}
    return Machines(
        hosts,
        {label(key): tuple(worded(key, found.get(key, "")) for found in facts.values()) for key in _ordered(short)},
        tuple(_named(MACHINE, same, {"gpu": "none recorded"} if hosts and "gpu" not in keys else {})),
        tuple(_named(SOFTWARE, same, {})),
        tuple((name, value) for name, value in everything.items() if len(value) <= _LONG),
        tuple((name, value) for name, value in everything.items() if len(value) > _LONG),
    )


def _joined(facts: Facts) -> dict[str, str]:
    """The commit beside the version that it belongs to."""
    found = dict(facts)
    commit = found.pop("commit", "")
    if commit:
        found["harness"] = " at ".join(filter(None, (found.get("harness", ""), commit)))
    return found


def _shared(key: str, facts: Sequence[Facts]) -> str | None:
    """The one value on all machines; None where there are several, or some has none."""
    values = {found.get(key) for found in facts}
    return values.pop() if len(values) == 1 else None


def _ordered(keys: Sequence[str]) -> list[str]:
    order = [*MACHINE, *SOFTWARE]
    return sorted(keys, key=lambda key: order.index(key) if key in order else len(order))


def _named(labels: Mapping[str, str], same: Facts, absent: Facts) -> list[tuple[str, str]]:
    shown = {**absent, **{key: worded(key, value) for key, value in same.items()}}
    return [(name, shown[key]) for key, name in labels.items() if key in shown]


def label(key: str) -> str:
    """A key as people say it; one that is not known stays as it is."""
    if key.startswith(_VARIABLE):
        return key.removeprefix(_VARIABLE)
    if key.startswith(_IMPORT):
        return f"Imports of {key.removeprefix(_IMPORT)}"
    named = {**MACHINE, **SOFTWARE, _ISOLATION: "Isolation of cells", "torch_config": "Build of PyTorch"}
    return named.get(key, key)


def worded(key: str, value: str) -> str:
    """A value in plain words."""
    if not value:
        return numbers.MISSING
    if key == "torch_cuda" and value == "None":
        return "none in this build"
    if key == "isolation" and value == "fork":
        return "fork: each cell is a process of its own, forked from a template"
    if key.startswith(_IMPORT):
        return f"{value} s"
    return value


def says(found: Machines) -> str:
    """On how many machines, which, and whether they differ."""
    if not found.hosts:
        return "Nothing is recorded of where it ran."
    if len(found.hosts) > 1:
        count = numbers.plural(len(found.hosts), "machine")
        if not found.differing:
            return f"It ran on {count} that are the same in all that is recorded of them."
        return f"It ran on {count}, which differ in {numbers.listed(map(lower, found.differing))}."
    machine, software = dict(found.machine), dict(found.software)
    kind = machine.get("Processor", "")
    with_ = [f"{name} {software[name]}" for name in ("PyTorch", "NumPy") if name in software]
    tail = f" with {numbers.listed(with_)}" if with_ else ""
    return f"It ran on one machine, {found.hosts[0]}{f' ({kind})' if kind else ''}{tail}."


def lower(name: str) -> str:
    """A label inside a sentence: `processor`, but `GPU` and `PyTorch` as they are."""
    return name if not name[1:2].islower() or name in SOFTWARE.values() else name[:1].lower() + name[1:]
