"""A version as an artefact, in print: its code, model files, training data and model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..datasets.trackers import TRACKERS
from ..studies import independence
from ..studies.artefact import Artefact, Card, Code, Training
from . import format as fmt

CARD_WORDS = {
    "intended_use": "Intended use",
    "out_of_scope": "Not intended for",
    "factors": "Factors",
    "limitations": "Limitations",
    "ethics": "Ethical considerations",
    "kind": "Kind of model",
    "owner": "Owner",
    "contact": "Contact",
    "date": "Date of the model",
    "license": "Licence",
    "reference": "Described in",
}
"""Fields of a model card, in the order in which they are printed."""
MOST_FAILED = 20
"""Most subjects that are named whose program failed; results.json has all."""
MOST_PARAMETERS = 20
"""Most parameters of a run that are printed; manifest.json has all."""


def facts(
    artefact: Artefact | None,
    trained: Sequence[Mapping[str, Any]] = (),
    produced: Sequence[Mapping[str, Any]] = (),
    runs: Sequence[Mapping[str, Any]] = (),
) -> tuple[tuple[str, str], ...]:
    """A version's artefact as (term, words); empty where none is declared and nothing else is known.

    Args:
        artefact: As study.yaml declares it.
        trained: The entries of `independence` in results.json that speak of this version.
        produced: The entries of `produced` that do.
        runs: What experiment trackers say of the version's outputs, as manifest.json has it.
    """
    made = tuple(fact for entry in produced for fact in _produced(entry))
    made += tuple(fact for run in runs for fact in _run(run))
    if artefact is None:
        return made
    return (
        *made,
        *_code(artefact.code),
        *((f"Model file {name}", f"SHA-256 {sha256}") for name, sha256 in artefact.sha256.items()),
        *_training(artefact.training),
        *(fact for entry in trained for fact in _independence(entry)),
        *_card(artefact.card),
    )


def _produced(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    there = entry["produced"] + entry["kept"]
    yield (
        "Outputs",
        f"produced for {fmt.count(there)} of {fmt.count(entry['subjects'])} subjects with an input",
    )
    failed = [f"{one['subject']} {one['reason']}" for one in entry["failed"]]
    if failed:
        more = f" and {fmt.count(len(failed) - MOST_FAILED)} more" if len(failed) > MOST_FAILED else ""
        said = f"{fmt.count(len(failed))}: {'; '.join(failed[:MOST_FAILED])}{more}"
        yield "Subjects whose program failed", said


def _run(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The run of an experiment tracker that outputs come from."""
    names = [run.get("artifact"), run["run"] and f"run {run['run']}", run["name"]]
    commit = [run["repository"], run["commit"] and f"commit {run['commit']}"]
    told = ", ".join(one for one in (TRACKERS[run["tracker"]].title, *names, *commit) if one)
    yield "Outputs from", told
    if run["parameters"]:
        shown = [f"{name} {value}" for name, value in list(run["parameters"].items())[:MOST_PARAMETERS]]
        left = len(run["parameters"]) - len(shown)
        more = f" and {fmt.count(left)} more" if left else ""
        yield "Parameters of the run", f"{'; '.join(shown)}{more}"


def _code(code: Code | None) -> Iterator[tuple[str, str]]:
    if code is not None:
        parts = [code.repository, code.commit and f"commit {code.commit}", code.url]
        said = ", ".join(part for part in parts if part)
        if said:
            yield "Code", said


def _training(training: Training | None) -> Iterator[tuple[str, str]]:
    if training is None:
        return
    if training.statement:
        yield "Training data", training.statement
    if training.from_ or training.to:
        first, last = training.from_ or "not recorded", training.to or "not recorded"
        yield "Training data recorded", f"{first} to {last}"
    if training.manifest:
        yield "Training manifest", training.manifest


def _independence(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    said = fmt.quoted(independence.line(entry).removeprefix(f"{entry['version']}: "))
    yield "Independence", f"{said[:1].upper()}{said[1:]}."
    for note in entry["notes"]:
        yield "Attention", f"{note[:1].upper()}{note[1:]}."


def _card(card: Card | None) -> Iterator[tuple[str, str]]:
    if card is not None:
        for key, term in CARD_WORDS.items():
            value = getattr(card, key)
            if value:
                yield term, value
