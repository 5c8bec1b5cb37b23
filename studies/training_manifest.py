"""Training manifests: which subjects an algorithm was trained on, without saying who they are.

A manifest holds salted hashes of subject keys (HMAC-SHA256, RFC 2104, with a salt that both sides know), the
sites and the dates of the training data. Whoever holds the test data hashes its subjects with the same salt
and sees which are in it; of others nothing is learnt. A hash of the schema's name under the salt (`check`)
shows that the salt is the one the hashes were made with: with any other nothing would ever match, and
dependent data would pass for independent.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import re
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from numbers import Integral, Real

from ..protocols.errors import ContractError, Violation

SCHEMA = "accordance/training-manifest/1"
ALGORITHM = "hmac-sha256"
_MISSING = ("<NA>", "NaT", "nan", "None")
"""What missing values become as text."""
_WIDTHS = range(2, 7)
"""Digits that numbers in keys are filled up to with zeros."""
SHORTEST_SALT = 16
"""Fewest characters of a salt: a shorter one is guessed."""


def salted(subject: str, salt: str) -> str:
    """The hash that stands for a subject in a manifest, in hex.

    HMAC-SHA256 with the salt as key, of the subject's key without blanks around it, in Unicode form NFC, both
    as UTF-8. Keys that are written differently (`S1`, `s-01`) are different subjects.

    Args:
        subject: Key of the subject, as in the data.
        salt: Salt that both sides know.

    Example:
        >>> salted("S-001", "0123456789abcdef")[:16]
        'd111a0c92dbf2c26'
    """
    name = unicodedata.normalize("NFC", subject.strip())
    return hmac.new(salt.encode(), name.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class TrainingManifest:
    """What an algorithm was trained on, as far as independence of test data asks.

    Attributes:
        salt: Salt of the hashes.
        subjects: Hashes of the subjects (`salted`).
        sites: Names of the sites; empty where they are not said.
        first: First day of the training data (ISO 8601), or None.
        last: Last day of it, or None.
        duplicates: How many entries repeat another one.
        name: File it was read from; empty for one that was made here.
        sha256: Hash of that file's bytes; empty for one that was made here.
    """

    salt: str = field(repr=False)
    subjects: frozenset[str] = field(repr=False)
    sites: tuple[str, ...] = ()
    first: str | None = None
    last: str | None = None
    duplicates: int = 0
    name: str = ""
    sha256: str = ""

    def overlap(self, subjects: Iterable[str]) -> list[str]:
        """Those of some subjects that are in the manifest, by their own keys, sorted.

        Args:
            subjects: Keys of the subjects of the test data.
        """
        return sorted(one for one in set(subjects) if salted(one, self.salt) in self.subjects)

    def alike(self, subjects: Iterable[str]) -> list[str]:
        """Those of some subjects that would be in the manifest if their keys were written otherwise, sorted.

        Tried are other case, no hyphens and the like, and fewer or more leading zeros: `001` where the
        training data may have had `1`. Such a subject may be somebody else, and has to be looked at.

        Args:
            subjects: Keys of the subjects of the test data.

        Example:
            >>> training_manifest(["s1", "7"], salt="0123456789abcdef").alike(["S-1", "007", "s1", "S2"])
            ['007', 'S-1']
        """
        return sorted(
            one
            for one in set(subjects)
            if salted(one, self.salt) not in self.subjects
            and any(salted(other, self.salt) in self.subjects for other in _spellings(one))
        )

    def text(self, form: str = "yaml") -> str:
        """The manifest as the text of a file.

        Args:
            form: `yaml`, `json` or `csv`.

        Raises:
            ValueError: Another form.
        """
        single = {
            "schema": SCHEMA,
            "algorithm": ALGORITHM,
            "salt": self.salt,
            "check": salted(SCHEMA, self.salt),
            **({"from": self.first} if self.first else {}),
            **({"to": self.last} if self.last else {}),
        }
        lists = {"sites": list(self.sites), "subjects": sorted(self.subjects)}
        lists = {name: values for name, values in lists.items() if values}
        if form == "json":
            return json.dumps({**single, **lists}, indent=1, ensure_ascii=False) + "\n"
        if form == "csv":
            out = io.StringIO()
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(("key", "value"))
            writer.writerows(single.items())
            writer.writerows((name, value) for name, values in lists.items() for value in values)
            return out.getvalue()
        if form != "yaml":
            raise ValueError(f"form must be yaml, json or csv, not {form}")
        lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in single.items()]
        for name, values in lists.items():
            lines += [f"{name}:", *(f"  - {json.dumps(value, ensure_ascii=False)}" for value in values)]
        return "\n".join(lines) + "\n"


def _spellings(subject: str) -> set[str]:
    """Other ways to write a subject's key."""
    keys = {subject, re.sub(r"[\W_]+", "", subject)}
    keys |= {re.sub(r"0+(?=\d)", "", one) for one in keys}
    numbered = [(one, re.search(r"\d*$", one)) for one in keys]
    keys |= {one[: end.start()] + end[0].zfill(n) for one, end in numbered if end and end[0] for n in _WIDTHS}
    return {way for one in keys if one for way in (one, one.lower(), one.upper())} - {subject}


def training_manifest(
    subjects: Iterable[object],
    *,
    salt: str | None = None,
    sites: Sequence[str] = (),
    first: str | date | None = None,
    last: str | date | None = None,
) -> TrainingManifest:
    """A manifest of training data, to hand to whoever tests the algorithm.

    Args:
        subjects: Keys of the subjects, as those of the test data are written. Repeated ones count once.
        salt: Salt that both sides use. Default: 32 random hexadecimal digits, from the system's own source.
        sites: Names of the sites.
        first: First day of the training data.
        last: Last day of it.

    Raises:
        ContractError: No subjects, a key that is empty or neither text nor a whole number, a short salt, or
            dates that are none or out of order.

    Example:
        >>> made = training_manifest(["S-001", "S-002"], salt="0123456789abcdef", last="2024-06-30")
        >>> made.overlap(["S-002", "S-003"])
        ['S-002']
    """
    salt = secrets.token_hex(16) if salt is None else salt
    given = list(subjects)
    keys = [str(one) for one in given]
    violations = [*salt_problems(salt), *date_problems(_day(first), _day(last))]
    odd = sum(not _is_key(one) for one in given)
    if odd:
        message = (
            "expected texts or whole numbers: a key that became a decimal number (1 as 1.0), or that is "
            "missing, is nobody's in the test data"
        )
        violations.append(Violation(message, key="subjects", count=odd))
    if not keys:
        violations.append(Violation("there are no subjects", key="subjects"))
    empty = sum(not one.strip() for one in keys)
    if empty:
        violations.append(Violation("a subject without a key", key="subjects", count=empty))
    if violations:
        raise ContractError(violations)
    hashes = [salted(one, salt) for one in keys]
    return TrainingManifest(
        salt=salt,
        subjects=frozenset(hashes),
        sites=tuple(sorted({one.strip() for one in sites if one.strip()})),
        first=_day(first),
        last=_day(last),
        duplicates=len(hashes) - len(set(hashes)),
    )


def _is_key(value: object) -> bool:
    """Whether a value can be a subject's key as data write it: no decimal number, no missing value."""
    if isinstance(value, str):
        return True
    decimal = isinstance(value, Real) and not isinstance(value, Integral)
    return not (decimal or isinstance(value, bool | bytes) or str(value) in _MISSING)


def _day(value: str | date | None) -> str | None:
    return value.isoformat()[:10] if isinstance(value, date) else value


def salt_problems(salt: str) -> list[Violation]:
    """What is wrong with a salt."""
    if len(salt) >= SHORTEST_SALT:
        return []
    message = f"the salt has {len(salt)} characters; at least {SHORTEST_SALT} are needed, or it is guessed"
    return [Violation(message, key="salt")]


def date_problems(first: str | None, last: str | None) -> list[Violation]:
    """What is wrong with the first and the last day."""
    found = []
    for key, value in (("from", first), ("to", last)):
        try:
            if value is not None:
                date.fromisoformat(value)
        except ValueError:
            found.append(Violation("expected a date, such as 2024-06-30", key=key, found=value))
    if not found and first and last and date.fromisoformat(first) > date.fromisoformat(last):
        found.append(Violation(f"the first day lies after the last one, {last}", key="from", found=first))
    return found
