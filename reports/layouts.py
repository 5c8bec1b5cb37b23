"""The orders in which a report may come: the default one, and those that two guidelines ask for.

Every layout holds the same sections. The guidelines' layouts number them in their chapters, say beside each
heading which clause it answers, and add what the guideline asks of people beyond the default sections.
The clauses are given as the authors of this software know them and were not compared with the documents; a
sponsor holds the order against the edition that applies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from .contents import APPENDICES, Section, all_sections

TITLE_PAGE = "first-page"
CONTENTS = "contents"

FURTHER: tuple[Section, ...] = (
    Section(
        "ethics",
        "",
        "Ethics",
        ("ethics",),
        "Clinical operations",
        "which ethics committees approved the study and its amendments and when, how consent was obtained, "
        "and the principles under which the study was conducted",
    ),
    Section(
        "administration",
        "",
        "Investigators and administrative structure",
        ("administration", "investigators"),
        "Clinical operations",
        "the investigators with their sites, and the parts of sponsor, monitors, laboratories and committees",
    ),
    Section(
        "population",
        "",
        "Selection of the subjects",
        ("population", "eligibility"),
        "Clinical science",
        "the criteria of inclusion and exclusion, how subjects were found, and when they were withdrawn",
    ),
    Section(
        "data-quality",
        "",
        "Assurance of data quality",
        ("data_quality", "monitoring"),
        "Quality assurance",
        "training, monitoring, verification of source data, and audits",
    ),
    Section(
        "dates",
        "",
        "Dates of the study",
        ("dates",),
        "Clinical operations",
        "when the study began and ended, or why and when it was suspended",
    ),
    Section("tables", "", "Tables, figures and graphs"),
)
"""Sections that only the guidelines' layouts have."""


@dataclass(frozen=True)
class Chapter:
    """A chapter of a layout.

    Attributes:
        title: Its heading; empty where its only section's own heading stands for it.
        clause: The clause that it answers.
        sections: (key, clause) of its sections in order; an empty clause is the chapter's.
    """

    title: str
    clause: str
    sections: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Entry:
    """One line of the contents.

    Attributes:
        section: The section, or a chapter as one, with its number in this layout.
        clause: The clause that it answers; empty in the default order.
        level: 1 for chapters and sections that stand by themselves, 2 within a chapter.
        chapter: A heading only; its sections follow.
    """

    section: Section
    clause: str = ""
    level: int = 1
    chapter: bool = False


@dataclass(frozen=True)
class Layout:
    """An order of the report.

    Attributes:
        id: What study.yaml and the command line call it.
        title: The document that asks for this order; empty for the default.
        chapters: Its chapters; none in the default order.
    """

    id: str
    title: str = ""
    chapters: tuple[Chapter, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        """Everything in order, title page and contents included."""
        return _entries(self)

    def sections(self) -> tuple[Section, ...]:
        """The sections in order, without title page and contents."""
        return tuple(
            entry.section
            for entry in self.entries()
            if not entry.chapter and entry.section.key not in {TITLE_PAGE, CONTENTS}
        )

    def place(self, key: str) -> str:
        """How to refer to a section.

        Example:
            >>> SPA.place("disposition"), SPA.place("listings"), SPA.place("synopsis")
            ('section 9', 'Appendix D', 'section “Synopsis”')
        """
        section = next(one for one in self.sections() if one.key == key)
        if section.number.isalpha():
            return section.prefix
        return f"section {section.number}" if section.number else f"section \u201c{section.title}\u201d"

    def refer(self, text: str) -> str:
        """Text with every `§key` replaced by how this layout refers to the section.

        Example:
            >>> SPA.refer("They are accounted for (§disposition).")
            'They are accounted for (section 9).'
        """
        return re.sub(r"§([a-z][a-z-]*[a-z])", lambda found: self.place(found[1]), text)


def _numbered(chapter: Chapter, number: int, known: Mapping[str, Section]) -> list[Entry]:
    """The entries of one chapter: it alone, its only section in its place, or it and its sections."""
    if not chapter.title:
        ((key, clause),) = chapter.sections
        return [Entry(replace(known[key], number=str(number)), clause or chapter.clause)]
    found = [Entry(Section(f"chapter-{number}", str(number), chapter.title), chapter.clause, chapter=True)]
    for at, (key, clause) in enumerate(chapter.sections, 1):
        section = known[key]
        lettered = section in APPENDICES
        found.append(
            Entry(
                section if lettered else replace(section, number=f"{number}.{at}"),
                clause or chapter.clause,
                2,
            )
        )
    return found


@cache
def _entries(layout: Layout) -> tuple[Entry, ...]:
    pages = {
        TITLE_PAGE: Section(TITLE_PAGE, "", "Title page"),
        CONTENTS: Section(CONTENTS, "", "Table of contents"),
    }
    if not layout.chapters:
        return (Entry(pages[TITLE_PAGE]), Entry(pages[CONTENTS]), *(Entry(one) for one in all_sections()))
    known = {one.key: one for one in (*all_sections(), *FURTHER)} | pages
    found: list[Entry] = []
    for number, chapter in enumerate(layout.chapters, 1):
        found += _numbered(chapter, number, known)
    return tuple(found)


def _alone(key: str, clause: str) -> Chapter:
    return Chapter("", clause, ((key, ""),))


SPA = Layout("spa")
ISO14155 = Layout(
    "iso14155",
    "ISO 14155:2020, Annex D",
    (
        _alone(TITLE_PAGE, "D.2"),
        _alone(CONTENTS, "D.3"),
        _alone("synopsis", "D.4"),
        _alone("intended-use", "D.5"),
        Chapter(
            "Investigational device and methods",
            "D.6",
            (
                ("device", "D.6.1"),
                ("hypotheses", "D.6.2"),
                ("design", "D.6.2"),
                ("population", "D.6.2"),
                ("reference", "D.6.2"),
                ("independence", "D.6.2"),
                ("data-quality", "D.6.2"),
                ("methods", "D.6.2"),
            ),
        ),
        Chapter(
            "Results",
            "D.7",
            tuple(
                (key, "")
                for key in (
                    "dates", "disposition", "demographics", "amendments", "yield", "primary", "secondary",
                    "adverse-events", "subgroups", "discordant", "adjudicated", "indeterminate",
                )
            ),
        ),
        _alone("conclusion", "D.8"),
        _alone("abbreviations", "D.9"),
        _alone("ethics", "D.10"),
        _alone("administration", "D.11"),
        _alone("status", "D.12"),
        Chapter("Annexes", "D.13", (("references", ""), *((one.key, "") for one in APPENDICES))),
    ),
)  # fmt: skip
ICH_E3 = Layout(
    "ich-e3",
    "ICH E3",
    (
        _alone(TITLE_PAGE, "1"),
        _alone("synopsis", "2"),
        _alone(CONTENTS, "3"),
        _alone("abbreviations", "4"),
        _alone("ethics", "5"),
        Chapter(
            "Investigators and study administration", "6", (("administration", "6"), ("status", "6, 16.1.5"))
        ),
        _alone("intended-use", "7"),
        _alone("hypotheses", "8"),
        Chapter(
            "Investigational plan",
            "9",
            (
                ("design", "9.1, 9.7.2"),
                ("independence", "9.2"),
                ("population", "9.3"),
                ("device", "9.4"),
                ("reference", "9.5"),
                ("data-quality", "9.6"),
                ("methods", "9.7"),
            ),
        ),
        Chapter("Study patients", "10", (("disposition", "10.1"), ("amendments", "9.8, 10.2"))),
        Chapter(
            "Evaluation of performance (efficacy)",
            "11",
            (
                ("yield", "11.1, 11.3"),
                ("demographics", "11.2"),
                ("primary", "11.4.1"),
                ("secondary", "11.4.1"),
                ("indeterminate", "11.4.2"),
                ("subgroups", "11.4.2"),
                ("discordant", "11.4.3"),
                ("adjudicated", "11.4"),
            ),
        ),
        Chapter("Evaluation of safety", "12", (("adverse-events", "12.2"),)),
        _alone("conclusion", "13"),
        _alone("tables", "14"),
        _alone("references", "15"),
        Chapter("Appendices", "16", tuple((one.key, clause) for one, clause in zip(
            APPENDICES, ("16.1.1", "16.1.9", "16", "16.2", "16.1.9", "16.1.9"), strict=True
        ))),
    ),
)  # fmt: skip
LAYOUTS: dict[str, Layout] = {one.id: one for one in (SPA, ISO14155, ICH_E3)}
"""The layouts by what study.yaml and the command line call them."""
