"""Each cell in a process of its own on this machine, forked from a template or spawned."""

from __future__ import annotations

import contextlib
import selectors
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.errors import MachineError, UserError
from harness.executors import protocol
from harness.executors.base import Finished, Task
from harness.executors.environment import described
from harness.executors.handle import Template
from harness.executors.strays import kill_strays
from harness.linux import adopt_orphans, children, interrupts_held
from harness.record import Record, from_bytes

# A template kills a cell at its time-out. If the template itself does not answer
# for so much longer (stopped, swapped out), it is killed with its cell.
_GRACE_SECONDS = 30.0
_TURNS = 2


@dataclass
class _Running:
    """A task that was given to a template."""

    slot: int
    template: Template
    task: Task
    dispatched: float
    deadline: float


class LocalExecutor:
    """
    Processes on this machine.

    Args:
        isolation: `fork` from a template, or `spawn` a new interpreter each time.

    Raises:
        UserError: If this is not Linux.
    """

    def __init__(self, isolation: str = "fork") -> None:
        if not sys.platform.startswith("linux"):
            raise UserError("isolated cells need Linux (pidfd, memfd, prctl); elsewhere use --executor inline.")
        self._isolation = isolation
        self._templates: dict[tuple[int, str, int], Template] = {}
        self._started: Counter[str] = Counter()
        # What a killed template leaves behind becomes ours, and is told from what
        # was ours before by this.
        adopt_orphans()
        self._before = set(children())
        self._described: dict[str, str] = {"isolation": isolation, **described()}

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        waiting = iter(tasks)
        free = list(range(jobs))[::-1]
        running: dict[Template, _Running] = {}
        with selectors.DefaultSelector() as selector, self._none_left(running):
            while True:
                while free and (task := next(waiting, None)) is not None:
                    self._give(task, free.pop(), running, selector)
                if not running:
                    return
                for template in self._ready(selector, running):
                    finished = self._result(running[template])
                    if finished is not None:
                        free.append(running.pop(template).slot)
                        selector.unregister(template.channel)
                        yield finished

    @contextlib.contextmanager
    def _none_left(self, running: dict[Template, _Running]) -> Iterator[None]:
        """However the run is left, end the templates that are still busy for it."""
        try:
            yield
        finally:
            for template in running:
                self._forget(template)
                template.close()

    def _give(self, task: Task, slot: int, running: dict[Template, _Running], selector: selectors.BaseSelector) -> None:
        template = self._template(slot, task)
        with interrupts_held():
            message = task.job.to_json().encode()
        limit = time.monotonic() + task.job.timeout_seconds + _GRACE_SECONDS
        running[template] = _Running(slot, template, task, time.time(), limit)
        selector.register(template.channel, selectors.EVENT_READ, template)
        # One that died just now cannot take it: its channel reads as closed, and
        # the task's record says so.
        with contextlib.suppress(ConnectionError):
            protocol.send(template.channel, {}, message)

    def _template(self, slot: int, task: Task) -> Template:
        outfit = "spawn" if self._isolation == "spawn" else task.job.outfit
        turn = 0 if outfit == "spawn" else task.turn % _TURNS
        key = (slot, outfit, turn)
        if key in self._templates and self._templates[key].process.poll() is not None:
            self._templates.pop(key).close()  # it died idle; no cell was lost with it
        if key not in self._templates:
            self._templates[key] = Template(outfit, self._name(key))
        return self._templates[key]

    def _name(self, key: tuple[int, str, int]) -> str:
        """One name a process: a template that takes over from one that ended has a number behind it."""
        slot, outfit, turn = key
        name = outfit if outfit == "spawn" else f"{outfit}-{slot}.{turn}"
        self._started[name] += 1
        return name if self._started[name] == 1 or outfit == "spawn" else f"{name}-{self._started[name]}"

    def _ready(self, selector: selectors.BaseSelector, running: dict[Template, _Running]) -> list[Template]:
        """Templates with something to say; those past every limit are killed, which is something too."""
        nearest = min(item.deadline for item in running.values())
        # select takes no more than 24 days, and a time-out may be longer.
        events = selector.select(min(3600.0, max(0.0, nearest - time.monotonic())))
        for item in running.values():
            if time.monotonic() > item.deadline:
                item.template.process.kill()
        return [key.data for key, _ in events]

    def _result(self, item: _Running) -> Finished | None:
        """The result of a running task; None for a greeting."""
        frame = protocol.receive(item.template.channel)
        if frame is None:
            self._forget(item.template)
            how = item.template.ended()
            item.template.close()
            kill_strays(Template.pids | self._before)
            late = time.monotonic() > item.deadline
            record = Record("timed_out" if late else "crashed", how)
            return self._finished(item, record, b"", item.dispatched, time.time() - item.dispatched)
        head, body = frame
        if "error" in head:
            raise MachineError(f"{item.template.name}: {head['error']}.")
        if "hello" in head:
            self._greeted(item.template, head["hello"])
            return None
        parsed = from_bytes(body)
        assert parsed is not None, "a template frames its records itself"
        if head["harmed"]:
            # The cell changed its template's limits, processors or priority: no other cell is forked from it.
            self._forget(item.template)
            item.template.close()
        return self._finished(item, *parsed, head["started"], head["seconds"])

    @staticmethod
    def _finished(item: _Running, record: Record, trace: bytes, started: float, seconds: float) -> Finished:
        return Finished(item.task.key, record, trace, item.template.name, started, seconds)

    def _greeted(self, template: Template, hello: dict[str, object]) -> None:
        seconds = hello.pop("import_seconds")
        self._described.update({name: str(value) for name, value in hello.items()})
        self._described[f"import_seconds {template.name}"] = f"{seconds:.3f}"

    def _forget(self, template: Template) -> None:
        self._templates = {key: other for key, other in self._templates.items() if other is not template}

    def describe(self) -> dict[str, str]:
        return dict(self._described)

    def close(self) -> None:
        for template in self._templates.values():
            template.close()
        self._templates = {}
        kill_strays(Template.pids | self._before)
