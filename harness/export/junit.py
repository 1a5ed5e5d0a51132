"""The verdict as JUnit XML, which CI systems show."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree as ET

from harness.analysis.verdict import Assessment
from harness.export.cases import Case, Suite, suites
from harness.frames import Run
from harness.frames.origin import Origin
from harness.frames.text import in_lines

# All that is no Char of XML 1.0; a cell may print any byte.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(run: Run) -> str:
    """
    A suite for each scenario with a case for each process, one of expectations, one of gates.

    A process that did not end well fails, unless an expectation of `status` names it;
    one that is skipped is skipped; one without a record is an error.

    Args:
        run: The run, finished or not.

    References:
        https://github.com/jenkinsci/xunit-plugin, junit-10.xsd
    """
    origin, found = Origin.of(run), suites(Assessment(run))
    top = ET.Element("testsuites", _attributes(origin.run, found))
    for suite in found:
        top.append(_suite(suite, origin))
    ET.indent(top, " ")
    # Characters beyond ASCII become references, so that any terminal can take them.
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(top, "us-ascii").decode()}\n'


def _attributes(name: str, found: list[Suite]) -> dict[str, str]:
    counts = {word: sum(suite.count(kind) for suite in found) for word, kind in _COUNTS.items()}
    tests = sum(len(suite.cases) for suite in found)
    seconds = sum(suite.seconds for suite in found)
    numbers = {"tests": tests, **counts}
    return {"name": _clean(name), **{word: str(number) for word, number in numbers.items()}, "time": f"{seconds:.6f}"}


_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _suite(suite: Suite, origin: Origin) -> ET.Element:
    element = ET.Element("testsuite", _attributes(suite.name, [suite]))
    started = suite.started if suite.started is not None else origin.started or 0.0
    element.set("timestamp", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(started)))
    element.set("hostname", _clean(", ".join(origin.hosts)) or "unknown")
    properties = ET.SubElement(element, "properties")
    for name, value in origin.labels.items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    element.extend(_case(case) for case in suite.cases)
    return element


def _case(case: Case) -> ET.Element:
    element = ET.Element("testcase", classname=_clean(case.group), name=_clean(case.name), time=f"{case.seconds:.6f}")
    if case.kind != "passed":
        told = ET.SubElement(element, case.kind, type=case.type, message=_clean(case.message))
        if case.kind != "skipped":
            told.text = _clean(f"{case.message}\n{case.stderr}".rstrip())
    for name, text in (("system-out", case.stdout), ("system-err", case.stderr)):
        if text:
            ET.SubElement(element, name).text = _clean(text)
    return element


def _clean(text: str) -> str:
    r"""The text with what XML cannot hold written out: `\x1b`, `\udc80`."""
    return _FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), in_lines(text))
