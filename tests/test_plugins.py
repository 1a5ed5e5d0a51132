"""Code from outside: found out about in a process of its own, loaded in its cells', named in the run file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import catalogue, implementations, plugins
from harness.catalogue import Entry, Plugin
from harness.errors import UserError
from harness.frames import load
from tests.builders import write_scenario

MINE = """
import harness

@harness.implementation("mine")
class Mine(harness.implementations.get("numpy")):
    pass
"""
# Without any class of the harness above it.
BARE = """
import numpy as np
import harness

@harness.implementation("bare", devices=("cpu",))
class Bare:
    def load(self, problem):
        self.x, self.y, self.rate = problem.x, problem.y, problem.learning_rate
        self.w, self.b = problem.initial[0].copy(), problem.initial[1]

    def step(self, rows):
        x, y = self.x[rows], self.y[rows]
        e = x @ self.w + self.b - y
        s = 2 * e / e.size
        self.w -= self.rate * (x.T @ s)
        self.b = self.b - self.rate * s.sum()
        return e @ e / e.size

    def parameters(self):
        return self.w, self.b
"""


@pytest.fixture(autouse=True)
def _none_stays() -> Iterator[None]:
    """What a test makes known is forgotten after it."""
    before = dict(catalogue._added)
    yield
    catalogue._added.clear()
    catalogue._added.update(before)


def file(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def harness(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=100)


def test_a_plugin_runs_like_one_of_our_own(tmp_path: Path) -> None:
    """`--plugin mine.py` makes its name an implementation: planned, run, compared with ours, in the run file."""
    scenario = write_scenario(tmp_path, grid__implementation=["numpy", "bare"], grid__dtype=["float64"])
    done = harness("run", str(scenario), "--plugin", file(tmp_path, BARE), "--name", "run", "--no-report", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    run = load(tmp_path / "reports" / "run")
    by_name = run.cells.groupby("implementation")["status"].unique().map(list).to_dict()
    assert by_name == {"numpy": ["ok"], "bare": ["ok"]}
    assert run.file.plugins["bare"].plugin == Plugin(
        str(tmp_path / "mine.py"), implementations.plugin.digest(tmp_path / "mine.py")
    )
    assert "1 pair" in done.stdout or "1 of 1" in done.stdout


def test_a_run_with_a_plugin_is_read_without_it(tmp_path: Path) -> None:
    """The page and the export need the run file alone; the plug-in may be gone."""
    scenario = write_scenario(tmp_path, grid__implementation=["mine"])
    plugin = file(tmp_path, MINE)
    arguments = ["run", str(scenario), "--plugin", plugin, "--name", "run", "--no-report", "--executor", "inline"]
    assert harness(*arguments, cwd=tmp_path).returncode == 0
    Path(plugin).unlink()
    for command in ("report", "export"):
        done = harness(command, "run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_the_planning_side_imports_nothing_of_a_plugin(tmp_path: Path) -> None:
    """What a plug-in imports stays in its helper's process; its outfit is torch if it imports torch."""
    text = MINE.replace("import harness", "import harness, torch")
    code = f"""
import sys
from harness import catalogue, plugins
plugins.register([{file(tmp_path, text)!r}])
assert catalogue.entry("mine").outfit == "torch"
assert not {{"torch", "numpy", "harness_plugin_mine"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_plugin_of_numpy_gets_the_light_process(tmp_path: Path) -> None:
    """A plug-in that does not need torch does not wait for it; its files and packages are known."""
    (tmp_path / "beside.py").write_text("ONE = 1\n", encoding="utf-8")
    (loaded,) = plugins.register([file(tmp_path, "import beside, tqdm\n" + MINE)])
    assert {name: entry.outfit for name, entry in loaded.entries.items()} == {"mine": "numpy"}
    assert set(loaded.files) == {str(tmp_path / "mine.py"), str(tmp_path / "beside.py")}
    assert loaded.packages["tqdm"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ValueError('not today')", "ValueError: not today (line 1)"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package' (line 1)"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "registers no implementation"),
        ("import os; os.abort()", "its process ended (signal 6)"),
        ("import os; os._exit(0)", "its process ended (exit code 0)"),
        ("raise SystemExit(0)", "SystemExit: 0 (line 1)"),
        (MINE.replace('"mine"', '"numpy"'), "the name numpy is taken by harness.implementations.numpy.NumpyByHand"),
        (BARE.replace('"bare"', '"numpy"'), "the name numpy belongs to the harness's own implementation"),
        (BARE.replace("def step", "def stride"), "TypeError: Bare needs the method step"),
        (BARE.replace('("cpu",)', '("tpu",)'), "TypeError: Bare: devices are cpu, cuda; found ('tpu',)"),
        (BARE.replace("def load", "rows = 'list'\n    def load"), "TypeError: Bare: rows is"),
    ],
    ids=["raises", "imports nothing", "syntax", "registers nothing", "aborts", "leaves", "exits", "taken", "ours",
         "no step", "no device", "no rows"],
)  # fmt: skip
def test_a_bad_plugin_is_one_message(tmp_path: Path, text: str, said: str) -> None:
    """A plug-in that cannot be loaded stops the command with code 2 and the reason, however it fails."""
    with pytest.raises(UserError) as caught:
        plugins.register([file(tmp_path, text)])
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"--plugin {tmp_path / 'mine.py'}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.py", ".", "mine.txt"])
def test_a_plugin_is_a_python_file(tmp_path: Path, name: str) -> None:
    """A path that is no Python file is refused by name."""
    file(tmp_path, MINE, "mine.txt")
    with pytest.raises(UserError, match="must be a Python file"):
        plugins.register([str(tmp_path / name)])


def test_two_plugins_cannot_share_a_name(tmp_path: Path) -> None:
    """The second file that registers a name is refused, and says whose it is; the same file twice is one."""
    first, second = file(tmp_path, MINE), file(tmp_path, MINE, "other.py")
    assert len(plugins.register([first, first])) == 1
    with pytest.raises(UserError, match=r"the name mine is taken by .*mine\.py"):
        plugins.register([second])


def test_what_it_prints_goes_nowhere(tmp_path: Path) -> None:
    """A plug-in that writes to stdout or starts a thread while it is loaded disturbs nothing."""
    noise = "import sys, threading, time\nprint('x' * 10**6)\nsys.stderr.write('y' * 10**6)\n"
    plugins.register([file(tmp_path, f"{noise}threading.Thread(target=lambda: time.sleep(600)).start()\n{MINE}")])
    assert "mine" in catalogue.implementations()


def test_a_module_beside_it_does_not_hide_pythons(tmp_path: Path) -> None:
    """A random.py beside a plug-in is not what Python's own modules get."""
    file(tmp_path, "raise RuntimeError('the wrong random')", "random.py")
    (loaded,) = plugins.register([file(tmp_path, "import random\nrandom.Random(1)\n" + MINE)])
    assert set(loaded.files) == {str(tmp_path / "mine.py")}


def test_a_file_that_changes_during_the_run_is_refused_by_its_cells(tmp_path: Path) -> None:
    """Cells of one run never mix two versions of a plug-in."""
    path = tmp_path / "mine.py"
    plugin = Plugin(file(tmp_path, MINE), implementations.plugin.digest(path))
    path.write_text(MINE + "# changed\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="has changed since this run was planned"):
        implementations.plugin.load(plugin)


def installed(folder: Path, text: str) -> dict[str, str]:
    """A package with an entry point, as pip leaves it; the variables that make Python find it."""
    (folder / "site" / "other-1.0.dist-info").mkdir(parents=True)
    (folder / "site" / "other.py").write_text(text, encoding="utf-8")
    information = folder / "site" / "other-1.0.dist-info"
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[harness.implementations]\nmine = other\n", encoding="utf-8")
    return {"PYTHONPATH": str(folder / "site")}


def test_an_installed_plugin_needs_no_option(tmp_path: Path) -> None:
    """A package with an entry point in `harness.implementations` is known by being installed."""
    scenario = write_scenario(tmp_path, grid__implementation=["mine"])
    variables = installed(tmp_path, MINE)
    done = harness("run", str(scenario), "--name", "run", "--no-report", cwd=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert set(load(tmp_path / "reports" / "run").cells["status"]) == {"ok"}


def test_a_broken_installed_plugin_stops_only_who_names_it(tmp_path: Path) -> None:
    """A run that does not name it goes on, with a word on stderr; one that does is refused."""
    variables = installed(tmp_path, "raise ValueError('broken')")
    ours = write_scenario(tmp_path, grid__implementation=["numpy"])
    done = harness("run", str(ours), "--dry-run", cwd=tmp_path, **variables)
    assert done.returncode == 0
    assert "the installed plug-in mine: cannot be loaded: ValueError: broken" in done.stderr
    theirs = write_scenario(tmp_path, grid__implementation=["mine"])
    assert harness("run", str(theirs), "--dry-run", cwd=tmp_path, **variables).returncode == 2


def test_check_knows_plugins_too(tmp_path: Path) -> None:
    """`--plugin` works wherever scenarios are read; without it the name is refused."""
    scenario = write_scenario(tmp_path, grid__implementation=["mine"])
    assert harness("check", str(scenario), "--plugin", file(tmp_path, MINE), cwd=tmp_path).returncode == 0
    done = harness("check", str(scenario), cwd=tmp_path)
    assert done.returncode == 2
    assert "--plugin" in done.stderr


def test_names_of_a_run_are_known_while_it_is_read() -> None:
    """A run's plug-ins are known inside the block and forgotten after it; our own names stay ours."""
    other = Entry(("cpu",), "numpy", plugin=Plugin("/x.py", "0"))
    with catalogue.also({"elsewhere": other, "numpy": other}):
        assert catalogue.entry("elsewhere") is other
        assert catalogue.entry("numpy").plugin is None
    assert "elsewhere" not in catalogue.implementations()


def test_a_job_keeps_its_plugin(tmp_path: Path) -> None:
    """The plan's job says where its code is, in JSON too, and the helper's answer is all that is needed."""
    from harness.job import Job
    from harness.plan import Cuts, make_plan
    from tests.builders import scenario

    plugins.register([file(tmp_path, MINE)])
    (planned,) = make_plan([scenario(grid__implementation=["mine"], run__timed_seeds=0)], Cuts(), 0).processes
    assert planned.job.plugin is not None
    assert planned.job.plugin.source == str(tmp_path / "mine.py")
    assert Job.from_json(planned.job.to_json()) == planned.job
    assert json.loads(planned.job.to_json())["plugin"]["source"] == str(tmp_path / "mine.py")
