"""Each cell in a process of its own on this machine, forked from a template or spawned."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import catalogue
from harness.errors import MachineError, UserError
from harness.executors import protocol
from harness.executors.base import Finished, Task
from harness.executors.environment import declared, described
from harness.linux import interrupts_held
from harness.record import Record, from_bytes

# A template kills a cell at its time-out. If the template itself does not answer
# for so much longer (stopped, swapped out), it is killed with its cell.
_GRACE_SECONDS = 30.0
_TURNS = 2


class Template:
    """The parent's end of one template process."""

    def __init__(self, outfit: str, name: str) -> None:
        self.outfit, self.name = outfit, name
        self.hello: dict[str, str] = {}
        ours, theirs = socket.socketpair()
        self.channel = ours
        self._errors = os.memfd_create("template-stderr")
        command = [sys.executable, "-m", "harness.executors.template", str(theirs.fileno()), outfit]
        self.process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            env=declared(),
            start_new_session=True,  # Ctrl-C is for the run; it tells its templates itself
        )
        theirs.close()

    def ended(self) -> str:
        """How the process ended, with the last line it wrote, as one sentence."""
        code = self.process.wait()
        size = os.fstat(self._errors).st_size
        text = os.pread(self._errors, 4096, max(0, size - 4096)).decode("utf-8", "replace").strip()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"its template {self.name} ended ({how}){': ' + text.splitlines()[-1] if text else ''}"

    def close(self) -> None:
        """Close the socket, upon which the template kills its cell and ends; wait for that."""
        self.channel.close()
        try:
            self.process.wait(timeout=_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._errors)


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
        self._described: dict[str, str] = {"isolation": isolation, **described()}

    def run(self, tasks: Sequence[Task], jobs: int) -> Iterator[Finished]:
        waiting = deque(tasks)
        free = list(range(jobs))[::-1]
        running: dict[Template, _Running] = {}
        with selectors.DefaultSelector() as selector, self._none_left(running):
            while waiting or running:
                while waiting and free:
                    slot = free.pop()
                    self._give(waiting.popleft(), slot, running, selector)
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
        outfit = "spawn" if self._isolation == "spawn" else catalogue.entry(task.job.spec.implementation).rows
        turn = 0 if outfit == "spawn" else task.turn % _TURNS
        key = (slot, outfit, turn)
        if key in self._templates and self._templates[key].process.poll() is not None:
            self._templates.pop(key).close()  # it died idle; no cell was lost with it
        if key not in self._templates:
            self._templates[key] = Template(outfit, outfit if outfit == "spawn" else f"{outfit}-{slot}.{turn}")
        return self._templates[key]

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
