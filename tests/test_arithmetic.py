"""`run.tf32`, `run.deterministic`, `run.threads`: set in a cell's own process, and in no other."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import arithmetic
from harness.catalogue import Plugin
from harness.executors.base import Task
from harness.executors.inline import InlineExecutor
from harness.executors.local import LocalExecutor
from harness.job import Job
from harness.record import Record
from tests.builders import scenario

# Each tells what it finds by raising it: the reason of its record.
TELLING = """
import os
import torch
import harness

class Telling:
    rows = "torch"

    def load(self, problem):
        raise ValueError(self.told())

    def step(self, rows): ...

    def parameters(self): ...


@harness.implementation("flags")
class Flags(Telling):
    def told(self):
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        with cudnn.flags(enabled=False):  # reads the older names, and raises where they are mixed with the newer
            pass
        return (f"tf32 {matmul.allow_tf32} {cudnn.allow_tf32}, "
                f"deterministic {torch.are_deterministic_algorithms_enabled()}, "
                f"workspace {os.environ.get('CUBLAS_WORKSPACE_CONFIG')}, threads {torch.get_num_threads()}")


@harness.implementation("scattering")
class Scattering(Telling):
    def told(self):
        torch.zeros(4).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
        return "no objection"


@harness.implementation("rounding", devices=("cuda",))
class Rounding(Telling):
    def told(self):
        a = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
        exact = a.double() @ a.double()
        return f"off by {float((a.cuda() @ a.cuda()).cpu().double().sub(exact).abs().max() / exact.abs().max())}"
"""
NOTHING = "tf32 False False, deterministic False, workspace None, threads 1"


def job(plugin: Plugin, implementation: str = "flags", **fields: Any) -> Job:
    spec = scenario().cells[0].spec
    spec = spec.model_copy(update={"implementation": implementation, "dtype": "float32", **fields})
    return Job(spec, timeout_seconds=60.0, outfit="torch", plugin=plugin)


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    path = tmp_path / "telling.py"
    path.write_text(TELLING, encoding="utf-8")
    return Plugin(str(path))


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    made = LocalExecutor()
    yield made
    made.close()


def reasons(executor: LocalExecutor | InlineExecutor, *jobs: Job) -> list[str]:
    """What the cells told, one after the other, all from one template."""
    found = [finished.record for finished in executor.run([Task(number, job) for number, job in enumerate(jobs)], 1)]
    assert {record.status for record in found} == {"failed"}
    return [record.reason.removeprefix("ValueError: ") for record in found]


def test_a_cell_gets_what_its_scenario_says_and_the_next_one_nothing_of_it(
    plugin: Plugin, executor: LocalExecutor
) -> None:
    """TF32, deterministic algorithms, cuBLAS's workspace and threads are set in that cell's process alone."""
    asked = job(plugin, tf32=True, deterministic=True, threads=2)
    plain, all_of_it, after = reasons(executor, job(plugin), asked, job(plugin))
    assert plain == NOTHING  # cuDNN's too, which torch allows by itself
    assert all_of_it == "tf32 True True, deterministic True, workspace :4096:8, threads 2"
    assert after == NOTHING


def test_what_is_not_deterministic_fails_with_torchs_own_words(plugin: Plugin, executor: LocalExecutor) -> None:
    """A deterministic cell that uses an operation without such an algorithm has torch's reason in its record."""
    free, held = reasons(executor, job(plugin, "scattering"), job(plugin, "scattering", deterministic=True))
    assert free == "no objection"
    assert held.startswith("RuntimeError: put_ does not have a deterministic implementation")


def test_a_workspace_that_the_user_chose_is_kept(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUBLAS_WORKSPACE_CONFIG in the environment is the user's own answer."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    executor = LocalExecutor("spawn")
    try:
        (told,) = reasons(executor, job(plugin, deterministic=True))
    finally:
        executor.close()
    assert "workspace :16:8" in told


def test_cells_that_share_a_process_are_set_both_ways(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inline, a cell that asks for nothing follows one that asked for all, and has nothing of it in torch."""
    import torch

    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")  # so that it is taken back
    threads = torch.get_num_threads()
    try:
        asked, after = reasons(
            InlineExecutor(), job(plugin, tf32=True, deterministic=True, threads=2), job(plugin, threads=threads)
        )
    finally:
        torch.set_num_threads(threads)
    assert "tf32 True True, deterministic True" in asked
    assert "tf32 False False, deterministic False" in after


def test_older_and_newer_names_that_were_mixed_are_set_right() -> None:
    """Where code before the cell used `fp32_precision`, TF32 is off by both sets of names, without a warning."""
    import torch

    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has the older names only")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        cudnn: Any = torch.backends.cudnn
        cudnn.conv.fp32_precision = "ieee"
        with pytest.raises(RuntimeError, match="mix of the legacy and new APIs"):
            _ = torch.backends.cuda.matmul.allow_tf32
        arithmetic.tf32(False)
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (False, False)
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"


def test_a_numpy_cell_imports_no_torch_for_it() -> None:
    """A NumPy cell that says `tf32 = true` has nothing to set, and waits for nothing."""
    program = """
import sys
from harness import worker
from harness.job import Job
from tests.builders import scenario
spec = scenario().cells[0].spec.model_copy(update={"tf32": True, "deterministic": True})
assert worker.run(Job(spec))[0].status == "ok"
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
def test_tf32_changes_bits_on_a_gpu(plugin: Plugin, executor: LocalExecutor) -> None:
    """A product in float32 is off by about 2**-11 with TF32 (10 bits of mantissa), and by 2**-20 or less without."""
    jobs = [job(plugin, "rounding", device="cuda", tf32=tf32) for tf32 in (False, True)]
    records: list[Record] = [finished.record for finished in executor.run([Task(n, j) for n, j in enumerate(jobs)], 1)]
    if records[0].status == "skipped":
        pytest.skip(records[0].reason)
    exact, rounded = (float(record.reason.rpartition(" ")[2]) for record in records)
    assert exact < 2**-20 < 2**-15 < rounded
