"""Where a run was made, on the page: plain words, what tells machines apart, and nothing lost."""

from __future__ import annotations

from itertools import chain

import pandas as pd
import pytest

from harness.report import machines
from harness.report.machines import of, says
from harness.report.sections.environment import facts

ONE = {
    "harness": "0.1.0", "commit": "abc", "python": "3.11.7", "numpy": "2.4.6", "torch": "2.13.0", "torch_cuda": "None",
    "os": "Linux 6", "cpu": "Xeon", "cpus": "2", "load before": "0.1, 0.2, 0.3", "isolation": "fork",
    "variable OMP_NUM_THREADS": "1", "import_seconds torch-0.0": "4.023", "torch_config": "PyTorch " * 60,
    "colour": "green",
}  # fmt: skip
OTHER = {**ONE, "cpu": "EPYC", "gpu": "H100, 550.1", "load before": "9.1, 9.2, 9.3", "import_seconds torch-0.0": "2"}


def frame(**hosts: dict[str, str]) -> pd.DataFrame:
    rows = [(host, key, value) for host, found in hosts.items() for key, value in found.items()]
    return pd.DataFrame(rows, columns=["host", "key", "value"])


def shown(environment: pd.DataFrame) -> str:
    """Every text of the section, folded ones included."""
    found = facts(environment)
    tables = [*found.tables, *filter(None, (found.differing, found.rest))]
    cells = chain.from_iterable(chain(table.head, *table.rows) for table in tables)
    return " | ".join([*map(str, cells), *chain.from_iterable(found.long)])


def test_one_machine_is_two_small_tables_in_plain_words() -> None:
    """Machine and software with labels, no key of the record; what is absent or none is said."""
    found = of(frame(vm=ONE))
    assert dict(found.machine)["Name"] == "vm"
    assert dict(found.machine)["GPU with driver"] == "none recorded"
    assert dict(found.software)["harness"] == "0.1.0 at abc"
    assert dict(found.software)["CUDA in PyTorch"] == "none in this build"
    assert (found.differing, found.hosts) == ({}, ("vm",))
    assert says(found) == "It ran on one machine, vm (Xeon) with PyTorch 2.13.0 and NumPy 2.4.6."
    assert facts(frame(vm=ONE)).differing is None


def test_the_rest_is_folded_and_nothing_is_lost() -> None:
    """Variables, times of imports, keys that nobody knows: all there, long ones by themselves; of two machines too."""
    rest = dict(of(frame(vm=ONE)).rest)
    assert rest["OMP_NUM_THREADS"] == "1"
    assert rest["Imports of torch-0.0"] == "4.023 s"
    assert rest["colour"] == "green"
    assert [name for name, _ in of(frame(vm=ONE)).long] == ["Build of PyTorch"]
    for environment in (frame(vm=ONE), frame(a=ONE, b={**OTHER, "torch_config": "x " * 400, "extra": "thing"})):
        text = shown(environment)
        for key, value in environment[["key", "value"]].itertuples(index=False):
            assert (value if value not in ("None", "fork") else machines.worded(key, value)) in text, key


def test_what_differs_between_machines_comes_first() -> None:
    """A row a machine; loads and times of imports always differ and tell nothing, so they are folded by machine."""
    found = facts(frame(a=ONE, b=OTHER))
    assert found.differing is not None
    assert found.differing.head == ("Machine", "Processor", "GPU with driver")
    assert found.differing.rows == (("a", "Xeon", "–"), ("b", "EPYC", "H100, 550.1"))
    assert found.finding.says == "It ran on 2 machines, which differ in processor and GPU with driver."
    rest = dict(of(frame(a=ONE, b=OTHER)).rest)
    assert rest["Load before (1, 5, 15 min) on b"] == "9.1, 9.2, 9.3"
    assert rest["Imports of torch-0.0 on a"] == "4.023 s"


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ({}, "Nothing is recorded of where it ran."),
        ({"a": ONE, "b": ONE}, "It ran on 2 machines that are the same in all that is recorded of them."),
        ({"a": {"load before": "1"}}, "It ran on one machine, a."),
    ],
)
def test_no_machine_equal_ones_and_one_without_facts(hosts: dict[str, dict[str, str]], words: str) -> None:
    """Each has its sentence, and a section that can be drawn."""
    assert facts(frame(**hosts)).finding.says == words
