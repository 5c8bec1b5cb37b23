"""What is missing, and what it could do to the decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..studies.results import Results
from . import figures
from . import format as fmt
from . import judged as judging
from . import rows as words
from .validity import title_of


@dataclass(frozen=True)
class MissingBlock:
    """What is missing for one deciding endpoint, and what it could do to the decision.

    Attributes:
        title: Endpoint.
        counts: Units; without output, reference, both; subjects concerned.
        lines: (way of counting them, row in print), the way that decides first.
        tipping: The tipping point in words; empty where the protocol does not ask for one.
        figure: Its curve; None where there is none.
    """

    title: str
    decided_by: str
    """The pair or level that the endpoint is decided by; empty where all analysed rows decide."""
    counts: tuple[str, ...]
    lines: tuple[tuple[str, words.RowText], ...]
    tipping: str
    figure: figures.Curve | None


MISSING_COUNTS = ("units", "without_output", "without_reference", "without_both", "subjects_concerned")
WAYS = ("complete_case", "worst_case", "best_case", "multiple_imputation")


def missing(results: Results) -> list[MissingBlock]:
    """Missing units of each deciding endpoint, of the version that decides."""
    return [
        MissingBlock(
            title=title_of(results.protocol, entry["endpoint"]),
            decided_by=judging.part_words(results, found)
            if (found := judging.judged(results, entry["endpoint"]))
            else "",
            counts=tuple(fmt.count(entry[name]) for name in MISSING_COUNTS),
            lines=tuple(_ways(results, entry["endpoint"])),
            tipping=fmt.quoted(str(entry["tipping_point"]["words"])) if entry["tipping_point"] else "",
            figure=figures.tipping(results, entry),
        )
        for entry in results.document.get("missing") or []
    ]


def _ways(results: Results, endpoint: str) -> Iterator[tuple[str, words.RowText]]:
    """The endpoint's row with missing units counted in each way."""
    row = figures.headline(results, endpoint, results.deciding_version)
    policy = results.protocol.missing
    if row is None or policy is None:
        return
    yield f"{words.VIEW_WORDS[policy.primary]} (decides)", words.text(row)
    for view in WAYS:
        if view == policy.primary:
            continue
        found = [
            other
            for other in results.endpoint(endpoint).iter_rows(named=True)
            if other["view"] == view
            and all(
                other[name] == row[name]
                for name in ("statistic", "version", "by", "subgroup", "level", "comparator")
            )
        ]
        if len(found) == 1:
            yield words.VIEW_WORDS[view], words.text(found[0])
