"""A comparison of versions as JUnit XML, so that any build server shows its endpoints as tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from ..studies.gate import Check, GateOutcome
from ..studies.gate_comparison import WITHIN, asked_of, gate_comparison
from .junit import clean, xml

Row = Mapping[str, Any]
TAGS = {"failed": "failure", "open": "error", "warned": "skipped"}
"""What a check that does not pass is to a build server."""


def comparison_junit(document: Mapping[str, Any], outcome: GateOutcome | None = None) -> str:
    """One test case an endpoint and candidate.

    What the gate asks of is the suite `deciding`: inferior, or another decision than required, is a failure;
    inconclusive and not evaluable are errors; inconclusive is skipped where the gate lets it pass. Everything
    else is the suite `other`, which never fails a build.

    Args:
        document: The content of comparison.json.
        outcome: What a gate answered. Default: what it answers without options.
    """
    answered = outcome or gate_comparison(document)
    root = Element("testsuites", name=clean(str(document["study"].get("id", "comparison"))))
    rows = {row["row_id"]: row for row in document["comparisons"]}
    deciding = [(check, rows.get(check.row_id or "")) for check in answered.checks]
    others = [row for row in document["comparisons"] if answered.check_of(row["row_id"]) is None]
    first = _suite(root, "deciding", document, len(deciding))
    for check, row in deciding:
        _asked(first, document, check, row)
    states = [check.state for check in answered.checks]
    for name, state in (("failures", "failed"), ("errors", "open"), ("skipped", "warned")):
        first.set(name, str(sum(one == state for one in states)))
    second = _suite(root, "other", document, len(others))
    for row in others:
        _told(second, document, row)
    return xml(root)


def _suite(root: Element, name: str, document: Mapping[str, Any], tests: int) -> Element:
    suite = SubElement(root, "testsuite", name=name, tests=str(tests))
    for count in ("failures", "errors", "skipped"):
        suite.set(count, "0")
    suite.set("timestamp", str(document["run"]["finished"]))
    return suite


def _case(suite: Element, document: Mapping[str, Any], candidate: str, name: str) -> Element:
    place = f"{document['study'].get('id', 'comparison')}.{candidate}"
    return SubElement(suite, "testcase", name=clean(name), classname=clean(place), time="0")


def _asked(suite: Element, document: Mapping[str, Any], check: Check, row: Row | None) -> None:
    if check.wanted == WITHIN:
        name = asked_of(check)
    else:
        name = f"{check.endpoint or 'decision'}: {asked_of(check)} to {document['baseline']}"
    case = _case(suite, document, check.candidate, name)
    said = clean(f"{check.words}{_numbers(row)}")
    tag = TAGS.get(check.state)
    if tag is None:
        SubElement(case, "system-out").text = said
    elif tag == "skipped":
        SubElement(case, tag, message=said)
    else:
        SubElement(case, tag, message=said, type=check.found)


def _told(suite: Element, document: Mapping[str, Any], row: Row) -> None:
    case = _case(suite, document, row["candidate"], f"{row['endpoint']}: {row['role']}")
    SubElement(case, "system-out").text = clean(f"{row.get('words') or row['decision']}{_numbers(row)}")


def _numbers(row: Row | None) -> str:
    """The numbers behind a decision, at full precision, for a log."""
    if row is None:
        return ""
    found = row.get("improvement") or {}
    told = [f"improvement {found.get('estimate')}", f"interval {found.get('lower')} to {found.get('upper')}"]
    adjusted = row.get("adjusted")
    if adjusted:
        told.append(f"adjusted ({adjusted['method']}) {adjusted['lower']} to {adjusted['upper']}")
    told += [f"margin {row.get('margin')}", f"row {row['row_id']}"]
    return f" [{'; '.join(told)}]"
