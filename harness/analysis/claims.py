"""What an expectation claims, in words."""

from __future__ import annotations

from harness.scenario.expect import CONSTANTS, AtEpoch, Expect


def claim(expect: Expect) -> str:
    """One phrase: `weights[0] at the end is 2.98927619 to 8 digits`."""
    return f"{_what(expect)} {_rule(expect)}"


def _what(expect: Expect) -> str:
    name = expect.quantity
    if expect.name == "epoch_loss":
        name = f"{expect.reduce} of step losses"
    if expect.x is not None:
        name = f"prediction at ({', '.join(f'{item:g}' for item in expect.x)})"
    if expect.name in CONSTANTS:
        return name
    if expect.table is not None:
        return f"{name} at every row of {expect.table}"
    if isinstance(expect.at, str):
        return f"{name} at the {expect.at}"
    unit = "epoch" if isinstance(expect.at, AtEpoch) else "step"
    places = getattr(expect.at, unit)
    return f"{name} at {unit} {', '.join(map(str, places)) if isinstance(places, tuple) else places}"


def _rule(expect: Expect) -> str:
    if expect.equals is not None or expect.not_equals is not None:
        words = expect.equals if expect.equals is not None else expect.not_equals
        listed = " or ".join(words) if isinstance(words, tuple) else words
        return f"is {listed}" if expect.equals is not None else f"is not {listed}"
    if expect.at_least is not None or expect.at_most is not None:
        low = [f"at least {expect.at_least:g}"] if expect.at_least is not None else []
        high = [f"at most {expect.at_most:g}"] if expect.at_most is not None else []
        return f"is {' and '.join([*low, *high])}"
    wanted = "" if expect.value is None or isinstance(expect.value, tuple) else f"{expect.value!r} "
    if expect.inside is not None:
        return f"{wanted}lies within the seeds' minimum and maximum"
    if expect.sd is not None:
        return f"{wanted}lies within {expect.sd:g} standard deviations of the seeds' mean"
    return f"is {wanted}{_tolerance(expect)}"


def _tolerance(expect: Expect) -> str:
    if expect.within is not None:
        return f"within {expect.within:g}"
    if expect.relative is not None:
        return f"within a share of {expect.relative:g}"
    return f"to {expect.digits:g} digits"
