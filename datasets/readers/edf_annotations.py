r"""EDF+ annotations: their bytes taken apart, as rows or as epochs.

A time-stamped annotation list is `+onset[\x15duration]\x14text\x14[text\x14...]\x00`, texts in UTF-8
(EDF+ specification, 2.2.2). The bytes are read here, and strictly: a decoder that gives up at the first
Latin-1 letter, or skips what it can not read, can not say which annotation it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...protocols.errors import ContractError, Violation, shorten
from ..places import SHOWN
from ..sources import Reading
from ..units import MICROSECONDS
from .base import exact_quotient, listed, refuse
from .edf_header import Header

_LIST = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14((?:[^\x14\x00]*\x14)+)\x00")


@dataclass(frozen=True)
class Annotation:
    """One annotation.

    Attributes:
        onset_us: Microseconds after the file's start time.
        duration_us: Its length in microseconds; None: not said.
        text: Its words.
    """

    onset_us: int
    duration_us: int | None
    text: str


@dataclass(frozen=True)
class Annotations:
    """What the annotation signals of a file hold.

    Attributes:
        record_onsets: Start of each data record, microseconds after the file's start time.
        rows: The annotations, in the order of the file.
    """

    record_onsets: NDArray[np.int64]
    rows: tuple[Annotation, ...]


def read(head: Header, encoding: str = "utf-8", *, texts: bool = True) -> Annotations:
    """All annotations of a file, and when its data records start.

    Args:
        head: The file.
        encoding: Encoding of the texts.
        texts: False: only the starts of data records are wanted; texts in another encoding do no harm.

    Raises:
        ContractError: Something else lies where annotations should, or texts are not in `encoding`.
    """
    signals = [index for index, is_one in enumerate(head.is_annotation) if is_one]
    onsets = np.arange(head.n_records, dtype=np.int64) * head.record_us
    raw: list[tuple[int, int | None, bytes]] = []
    for place, signal in enumerate(signals):
        for record, data in enumerate(head.raw(signal)):
            lists = _lists(data.tobytes(), record, head)
            if place == 0 and head.plus:
                onsets[record] = _timekeeping(lists, record, head)
            for onset, duration, words in lists:
                raw.extend((onset, duration, text) for text in words)
    kept = [one for one in raw if one[2]]  # empty texts keep time and say nothing
    rows = tuple(_decoded(kept, encoding, head)) if texts else ()
    return Annotations(onsets, rows)


def _lists(data: bytes, record: int, head: Header) -> list[tuple[int, int | None, list[bytes]]]:
    found = []
    at, end = 0, len(data.rstrip(b"\0")) + 1
    while at < end - 1:
        if data[at] == 0:
            at += 1
            continue
        match = _LIST.match(data + b"\0", at)
        if match is None:
            shown = shorten(repr(data[at : at + 40])[2:-1], 80)
            message = f"has a damaged annotation in data record {record + 1:,}."
            raise refuse(message, head.name, found=shown)
        found.append((_us(match[1]), _us(match[2]) if match[2] else None, match[3].split(b"\x14")[:-1]))
        at = match.end()
    return found


def _us(number: bytes) -> int:
    return int((Decimal(number.decode()) * 1_000_000).to_integral_value())


def _timekeeping(lists: list[tuple[int, int | None, list[bytes]]], record: int, head: Header) -> int:
    """Start of a data record: its first annotation, which has an empty text."""
    if not lists or lists[0][2][0]:
        message = f"data record {record + 1:,} does not say when it starts, as EDF+ demands."
        raise refuse(message, head.name)
    return lists[0][0]


def _decoded(raw: Sequence[tuple[int, int | None, bytes]], encoding: str, head: Header) -> list[Annotation]:
    rows: list[Annotation] = []
    examples: list[str] = []
    bad = 0
    for number, (onset, duration, text) in enumerate(raw, start=1):
        try:
            rows.append(Annotation(onset, duration, text.decode(encoding)))
        except UnicodeDecodeError as error:
            bad += 1
            if len(examples) < SHOWN:
                byte = f"0x{text[error.start]:02X}"
                shown = shorten(repr(text)[2:-1])
                examples.append(f"annotation {number:,} at {onset / 1e6:g} s: byte {byte} in '{shown}'")
    if bad:
        message = (
            f"annotation texts are not {encoding.upper()}, as EDF+ demands (perhaps Latin-1); if so, say "
            "`reader: {encoding: latin-1}`."
            if encoding == "utf-8"
            else f"annotation texts are not {encoding}."
        )
        found = examples[0].split(": ", 1)[1]
        problem = Violation(message, head.name, found=found, count=bad, examples=tuple(examples))
        raise ContractError([problem])
    return rows


def labelled(rows: Sequence[Annotation], how: Reading, head: Header) -> list[tuple[Annotation, str]]:
    """The annotations that are read, each with its label.

    Raises:
        ContractError: A text without a label, where such are refused.
    """
    if not how.labels:
        return [(one, one.text) for one in rows]
    unknown = [one for one in rows if one.text not in how.labels]
    if unknown and how.other_texts == "refused":
        counts: dict[str, int] = {}
        for one in unknown:
            counts[one.text] = counts.get(one.text, 0) + 1
        shown = [f"'{shorten(text)}': {n:,}" for text, n in list(counts.items())[:SHOWN]]
        if len(counts) > SHOWN:
            shown.append(f"and {len(counts) - SHOWN:,} other texts")
        message = "annotations without a label; add them to `labels`, or say `other_texts: left_out`."
        raise refuse(
            message,
            head.name,
            key="reader.labels",
            found=shorten(unknown[0].text),
            count=len(unknown),
            examples=shown,
        )
    return [(one, how.labels[one.text]) for one in rows if one.text in how.labels]


ROWS = ("time", "seconds", "duration", "end", "text", "label")
"""Columns of annotations as rows."""
EPOCHS = ("time", "seconds", "epoch", "text", "label")
"""Columns of annotations as epochs."""


def as_rows(found: Annotations, how: Reading, head: Header, start_us: int) -> pl.DataFrame:
    """One row an annotation. `seconds` counts from the first sample, as that of signals does."""
    kept = labelled(found.rows, how, head)
    onset = pl.Series([one.onset_us for one, _ in kept], dtype=pl.Int64)
    duration = pl.Series([one.duration_us for one, _ in kept], dtype=pl.Int64)
    first = int(found.record_onsets[0])
    return pl.DataFrame(
        {
            "time": (onset + start_us).cast(pl.Datetime("us")),
            "seconds": exact_quotient(onset - first, 1_000_000),
            "duration": exact_quotient(duration, 1_000_000),
            "end": (onset + duration + start_us).cast(pl.Datetime("us")),
            "text": pl.Series([one.text for one, _ in kept], dtype=pl.String),
            "label": pl.Series([label for _, label in kept], dtype=pl.String),
        }
    )


def as_epochs(found: Annotations, how: Reading, head: Header, start_us: int) -> pl.DataFrame:
    """One row an epoch. An annotation is as many epochs as it is long; one without a length is one epoch.

    `epoch` is the epoch's place on the grid that the first one starts, from 1; time without annotations keeps
    its numbers, so that epoch 17 is the same time in both.

    Raises:
        ContractError: Lengths that are no multiple, starts off the grid, epochs with two labels.
    """
    length = _length(how, head)
    kept = sorted(labelled(found.rows, how, head), key=lambda one: one[0].onset_us)
    if not kept:
        raise refuse("holds no annotations to make epochs of.", head.name)
    origin, first = kept[0][0].onset_us, int(found.record_onsets[0])
    onsets = np.array([one.onset_us for one, _ in kept], dtype=np.int64)
    lengths = np.array([one.duration_us or length for one, _ in kept], dtype=np.int64)
    _on_grid(onsets - origin, lengths, kept, length, head)
    n = lengths // length
    within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    at = np.repeat(onsets, n) + within * length
    which = np.repeat(np.arange(len(kept)), n)
    twice = np.flatnonzero(np.diff(at) <= 0)
    if len(twice):
        one, other = kept[which[twice[0]]][0], kept[which[twice[0] + 1]][0]
        message = "epochs with two annotations; name those that are epochs in `labels`."
        words = f"at {at[twice[0] + 1] / 1e6:g} s: '{shorten(one.text)}' and '{shorten(other.text)}'"
        raise refuse(message, head.name, key="reader.labels", count=len(twice), found=words, examples=[words])
    return pl.DataFrame(
        {
            "time": pl.Series(at + start_us, dtype=pl.Int64).cast(pl.Datetime("us")),
            "seconds": (at - first) / 1e6,
            "epoch": (at - origin) // length + 1,
            "text": pl.Series([one.text for one, _ in kept], dtype=pl.String).gather(which),
            "label": pl.Series([label for _, label in kept], dtype=pl.String).gather(which),
        }
    )


def _length(how: Reading, head: Header) -> int:
    if how.epoch is None:
        raise refuse("`rows: epochs` needs `epoch`, its length, such as `30 s`.", head.name, key="reader")
    step = MICROSECONDS.get(how.epoch.unit)
    if step is None or how.epoch.value <= 0:
        message = f"expected a length above 0 in {listed(MICROSECONDS)}."
        raise refuse(message, head.name, key="reader.epoch", found=str(how.epoch))
    return round(how.epoch.value * step)


def _on_grid(
    onsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    kept: Sequence[tuple[Annotation, str]],
    length: int,
    head: Header,
) -> None:
    """Lengths and starts are whole epochs. Nothing is rounded: half an epoch has no label."""
    for values, what in ((lengths, "last no whole number of epochs"), (onsets, "start between epochs")):
        off = np.flatnonzero(values % length)
        if len(off):
            examples = [
                f"'{shorten(one.text)}' at {one.onset_us / 1e6:g} s lasts {lengths[i] / 1e6:g} s"
                for i in off[:SHOWN]
                for one, _ in [kept[i]]
            ]
            message = f"annotations {what} of {length / 1e6:g} s."
            raise refuse(
                message,
                head.name,
                key="reader.epoch",
                count=len(off),
                found=examples[0],
                examples=examples,
            )
