"""How a check says what is wrong: what was found, what is wanted, what usually causes it, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from harness.scenario.training import Sgd
from harness.testing.cases import Case


def fail(found: str, wanted: str, cause: str) -> NoReturn:
    """
    End a check.

    Raises:
        AssertionError: Always; a plain `assert` would vanish under `python -O`.
    """
    __tracebackhide__ = True  # pytest then shows the check, not this line
    raise AssertionError(f"{found}\n  wanted: {wanted}\n  usually: {cause}")


def told(case: Case, check: Callable[..., Any], *arguments: Any) -> None:
    """
    Run a check; what goes wrong in it is told with the cell it went wrong in.

    Raises:
        AssertionError: For a failed check, and for whatever an implementation raises.
    """
    __tracebackhide__ = True
    try:
        check(*arguments)
    except AssertionError as failed:
        raise AssertionError(f"{failed}\n  in the cell: {case}") from failed.__cause__
    except Exception as error:
        raise AssertionError(
            f"it raised {type(error).__name__}: {error}\n"
            f"  wanted: a training without an exception\n"
            f"  usually: a loss, model, dtype, optimiser or schedule that it cannot do; narrow the checks, as in "
            f"{_narrowed(case)}\n"
            f"  in the cell: {case}"
        ) from error


def _narrowed(case: Case) -> str:
    """The line of a test class that keeps such cells out, or only such cells in."""
    training = case.spec.training
    if training.schedule.kind != "constant":
        return 'schedules = ("constant",)'
    if training.optimizer != Sgd(kind="sgd"):
        return 'optimizers = ("sgd",)'
    return f'losses = ("{training.loss.kind}",)'
