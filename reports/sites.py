"""Results by site: how many, whether they may be pooled, and everything without each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..studies.contrasts import POOLABILITY, WITHOUT, kind_of
from ..studies.demographics import shown
from ..studies.results import Results
from . import figures
from . import format as fmt
from . import rows as words
from .validity import title_of

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PoolingLine:
    """Whether an endpoint's statistic is the same at all sites.

    Attributes:
        endpoint: Title.
        p: P value of the test, or `no test`.
        test: The test by name; empty where there is none.
        note: What the reader should know: a warning, or why there is no test.
    """

    endpoint: str
    p: str
    test: str
    note: str


@dataclass(frozen=True)
class WithoutBlock:
    """An endpoint without each site in turn: (which site is left out, row in print), all sites first."""

    title: str
    lines: tuple[tuple[str, words.RowText], ...]


@dataclass(frozen=True)
class SiteTable:
    """Sites with their numbers, and whether the results may be pooled over them.

    Attributes:
        lines: (site, subjects, units).
        poolability: One line a deciding endpoint, for the version that decides.
        without: Deciding endpoints without each site.
    """

    lines: tuple[tuple[str, str, str], ...]
    poolability: tuple[PoolingLine, ...]
    without: tuple[WithoutBlock, ...]


def sites(results: Results) -> SiteTable | None:
    """The sites of the study; None where the protocol does not ask for them."""
    found = results.document.get("sites")
    if not found:
        return None
    own = [row for row in results.rows.iter_rows(named=True) if row["version"] == results.deciding_version]
    tests = [pooling(results, row) for row in own if kind_of(results.protocol, row) == POOLABILITY]
    lines = tuple(
        (str(one["site"]), shown(one["n_subjects"]), _units_of(one["n_subjects"], one["n_units"]))
        for one in found
    )
    few = {str(one["site"]) for one in found if shown(one["n_subjects"]) != fmt.count(one["n_subjects"])}
    return SiteTable(lines, tuple(tests), tuple(_without(results, own, few)))


def _units_of(subjects: int, units: int) -> str:
    """Units of a site; of a handful of subjects they would tell who they are."""
    return "\u2013" if shown(subjects) != fmt.count(subjects) else fmt.count(units)


def pooling(results: Results, row: Row) -> PoolingLine:
    """The test of one endpoint as its row tells it, or why it could not be made."""
    notes = [fmt.quoted(str(row[key])) for key in ("warning", "error") if row[key]]
    made = row["p_value"] is not None
    return PoolingLine(
        endpoint=title_of(results.protocol, row["endpoint"]),
        p=fmt.p_value(row["p_value"]) if made else "no test",
        test=fmt.quoted(str(row["method"])) if made and row["method"] else "",
        note="; ".join(notes).replace("of subgroup ", "of site "),
    )


def _without(results: Results, own: Sequence[Row], few: Collection[str]) -> list[WithoutBlock]:
    """Each deciding endpoint's own statistic without each site, all sites first.

    What is left without a site of a handful of subjects would tell their number: its counts are not shown.
    """
    by_endpoint: dict[str, list[Row]] = {}
    for row in own:
        if kind_of(results.protocol, row) == "without_site":
            by_endpoint.setdefault(row["endpoint"], []).append(row)
    found = []
    for name, rows in by_endpoint.items():
        whole = figures.whole(results, name)
        statistic = rows[0]["statistic"] if whole is None else whole["statistic"]
        lines = [] if whole is None else [("All sites", words.text(whole))]
        for row in rows:
            if row["statistic"] == statistic:
                site = str(row["level"]).removeprefix(WITHOUT.format(site=""))
                text = words.text(row)
                if site in few:
                    text = replace(text, count="\u2013", subjects="\u2013")
                lines.append((f"Without {site}", text))
        found.append(WithoutBlock(title_of(results.protocol, name), tuple(lines)))
    return found
