"""The acceptance criteria as JUnit XML, so that any build server shows them as tests."""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import polars as pl

from ..protocols.model import DECIDING
from ..studies.judge import headline, words
from ..studies.results import Results
from . import rows as printed

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def junit(results: Results, required: Collection[str] = ()) -> str:
    """One test case a criterion of the deciding version; exploratory ones are suites of their own.

    `met` passes, `not_met` fails, `not_evaluable` is an error. The criteria that decide are the suite
    `deciding`; criteria of other endpoints are the suite `other` and never fail a build: where not met they
    are skipped.

    Args:
        results: A run.
        required: Other endpoints that a gate requires by name: theirs are in the suite `deciding`, too.
    """
    judged = [
        row
        for row in results.rows.filter(pl.col("criterion").is_not_null()).iter_rows(named=True)
        if headline(row, results.deciding_version)
    ]
    root = Element("testsuites", name=clean(str(results.document["study"].get("id", results.protocol.id))))
    for name in ("deciding", "other"):
        own = [
            row
            for row in judged
            if (row["role"] in DECIDING or row["endpoint"] in required) == (name == "deciding")
        ]
        suite = SubElement(root, "testsuite", name=name, tests=str(len(own)))
        states = [str(row["decision"]) for row in own]
        binding = name == "deciding"
        suite.set("failures", str(states.count("not_met") if binding else 0))
        suite.set("errors", str(sum(state not in {"met", "not_met"} for state in states) if binding else 0))
        suite.set("skipped", "0" if binding else str(sum(state != "met" for state in states)))
        suite.set("timestamp", str(results.document["run"]["finished"]))
        for row in own:
            _case(suite, results, row, binding=binding)
    return xml(root)


def xml(root: Element) -> str:
    """A document with its declaration, indented."""
    indent(root)
    text: str = tostring(root, encoding="unicode", xml_declaration=False)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n"


def _case(suite: Element, results: Results, row: printed.Row, *, binding: bool) -> None:
    case = SubElement(
        suite,
        "testcase",
        name=clean(f"{row['endpoint']}.{row['statistic']}: {printed.criterion(row)}"),
        classname=clean(f"{results.protocol.id}.{row['version']}"),
        time="0",
    )
    said = clean(
        f"{words(row)}. Estimate {printed.estimate(row)}, interval {printed.interval(row)}, row "
        f"{row['row_id']}."
    )
    if row["decision"] == "met":
        SubElement(case, "system-out").text = said
    elif not binding:
        SubElement(case, "skipped", message=said)
    else:
        SubElement(
            case,
            "failure" if row["decision"] == "not_met" else "error",
            message=said,
            type=str(row["decision"]),
        )


def clean(text: str) -> str:
    r"""Text without the characters that XML cannot hold.

    Example:
        >>> clean("a\x00b")
        'a\ufffdb'
    """
    return _UNPRINTABLE.sub("\ufffd", text)
