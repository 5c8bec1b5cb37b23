"""The report's fixed contents: every section in order, who writes its human part, and what it should say.

A section without data stays in the report and names its author; it is never left out silently.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One entry of the contents.

    Attributes:
        key: Identifier, also the anchor in the document.
        number: `1` to `19`, a letter for an appendix, or empty for front matter.
        title: Its heading.
        files: Names (without `.md`) of the files in `sections/` that belong here, in order.
        author: Who writes the human part.
        wants: What the human part should say; empty where the study's data fill the section alone.
    """

    key: str
    number: str
    title: str
    files: tuple[str, ...] = ()
    author: str = ""
    wants: str = ""
    needs: tuple[str, ...] = ()
    """Files of which one says what is wanted. Default: any of `files`."""

    @property
    def prefix(self) -> str:
        """Its number as the contents print it."""
        return f"Appendix {self.number}" if self.number.isalpha() else self.number

    @property
    def label(self) -> str:
        """Heading with its number."""
        if not self.number:
            return self.title
        return (
            f"Appendix {self.number}. {self.title}"
            if self.number.isalpha()
            else f"{self.number} {self.title}"
        )


FRONT: tuple[Section, ...] = (
    Section("status", "", "Status and signatures"),
    Section("synopsis", "", "Synopsis"),
    Section("abbreviations", "", "Abbreviations", ("abbreviations",)),
)

BODY: tuple[Section, ...] = (
    Section(
        "intended-use",
        "1",
        "Intended use and claims",
        ("background", "intended_use", "claims"),
        "Regulatory affairs",
        "the claims of the labelling that this study supports, and the clinical background",
        ("intended_use", "claims", "background"),
    ),
    Section(
        "device",
        "2",
        "Device, algorithm identity, freeze time line",
        ("device", "algorithm", "freeze_dates"),
        "Algorithm development",
        "what the device is, and the dates on which algorithm, reference reading and database were frozen "
        "and the "
        "data unblinded",
    ),
    Section(
        "hypotheses",
        "3",
        "Hypotheses, performance goals and their rationale",
        ("hypotheses", "performance_goals", "rationale"),
        "Biostatistics",
        "why these performance goals are clinically sufficient",
    ),
    Section(
        "design",
        "4",
        "Design, sites, sample size",
        ("design", "sites", "sample_size"),
        "Clinical operations and biostatistics",
        "sites and investigators, enrolment period, and the sample-size calculation with its assumptions",
    ),
    Section(
        "reference",
        "5",
        "Reference standard, readers, adjudication",
        ("reference_standard", "reference", "readers", "adjudication"),
        "Clinical science",
        "who read the reference, how they were qualified and blinded, how often they disagreed, and how "
        "disagreements were settled",
    ),
    Section(
        "independence",
        "6",
        "Independence from training data",
        ("independence", "training_data"),
        "Algorithm development",
        "which data trained and tuned the algorithm, and why no subject, site or recording of this study "
        "is among "
        "them",
    ),
    Section(
        "methods", "7", "Statistical methods and estimands", ("methods", "estimands", "statistical_methods")
    ),
    Section(
        "amendments",
        "8",
        "Amendments and deviations",
        ("amendments", "deviations"),
        "Clinical operations",
        "protocol amendments and deviations, or the statement that there were none",
    ),
    Section("disposition", "9", "Disposition", ("disposition",)),
    Section(
        "demographics",
        "10",
        "Demographics against the intended users",
        ("demographics",),
        "Clinical science",
        "how the subjects compare with the intended users",
    ),
    Section("yield", "11", "Signal quality and yield", ("signal_quality", "yield")),
    Section("primary", "12", "Primary results", ("primary_results", "results")),
    Section(
        "indeterminate",
        "13",
        "Indeterminate and missing results, tipping point",
        ("indeterminate", "missing_data", "tipping_point"),
        "Biostatistics",
        "what the missing and the indeterminate results mean for the claim",
    ),
    Section("secondary", "14", "Secondary outputs, attempts", ("secondary_results", "attempts")),
    Section("subgroups", "15", "Subgroups and sites", ("subgroups",)),
    Section(
        "discordant",
        "16",
        "Discordant cases",
        ("discordant_cases", "discordant"),
        "Clinical science",
        "each discordant case with both signals and the likely cause",
    ),
    Section(
        "adverse-events",
        "17",
        "Adverse events and device deficiencies",
        ("adverse_events", "device_deficiencies"),
        "Safety",
        "adverse events and device deficiencies, or the statement that there were none",
    ),
    Section(
        "adjudicated",
        "18",
        "Test on an adjudicated data set",
        ("adjudicated_data_set", "adjudicated"),
        "Algorithm development",
        "the algorithm's performance on an adjudicated data set from elsewhere, or why there is none",
    ),
    Section(
        "conclusion",
        "19",
        "Limitations, conclusion",
        ("discussion", "limitations", "conclusion", "conclusions"),
        "The principal investigator",
        "limitations of the study and the conclusion drawn from it",
    ),
)

REFERENCES = Section("references", "", "References")

APPENDICES: tuple[Section, ...] = (
    Section("plan", "A", "Analysis plan: the canonical protocol"),
    Section("post-hoc", "B", "Register of what was not pre-specified"),
    Section(
        "checklists",
        "C",
        "Reporting checklists",
        ("checklists", "stard", "grras"),
        "Regulatory affairs",
        "which of these checklists applies, and that somebody has gone through it item by item",
    ),
    Section("listings", "D", "Listing of all results"),
    Section(
        "qualification",
        "E",
        "Tool qualification",
        ("tool_qualification",),
        "Quality assurance",
        "the qualification record of this software version in your environment",
    ),
    Section("reproduction", "F", "Reproduction guide", ("reproduction",)),
)

OTHER = Section("other", "", "Further sections")
"""Files of `sections/` that belong to no section of the contents: they are printed, never dropped."""


def all_sections() -> tuple[Section, ...]:
    """Everything in order."""
    return (*FRONT, *BODY, REFERENCES, *APPENDICES)
