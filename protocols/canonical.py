"""One text for one protocol: its canonical form, its hash, and what differs between two.

Canonical JSON is UTF-8 with sorted keys and no spaces, from the resolved protocol with every field written
out. Comments, layout and the order of keys in the file do not enter, nor does the order in which an
endpoint's subgroups are shown. One order has meaning and is kept: that of `exclusions`, the order of
precedence among reason codes, which changes counts.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from .base import Model
from .context import SUBJECTS
from .model import Endpoint, Protocol
from .nodes import Path, Place, ScalarNode, dotted

_MOST_KNOWN = 8
_KNOWN: dict[int, tuple[Protocol, str]] = {}
"""The last protocols, by their identity, which is theirs while they are held here: many names are made of the
canonical form, and a protocol never changes."""
ORDER = " (order)"
"""Stands behind a key whose entries are the same in another order."""
_ORDERED = ("exclusions",)
_WORDS_ONLY = frozenset({"title", "device", "note"})
"""Fields that only name things for a reader; they move no number."""


def canonical(protocol: Protocol) -> str:
    """The canonical JSON of a resolved protocol, for hashing and comparing.

    `Protocol.model_validate_json` reads it back as a protocol of the same hash, without the order in which
    endpoints and subgroups were written; `protocol.model_dump(mode="json", by_alias=True)` keeps that order.

    Example:
        >>> from accordance.protocols import library
        >>> canonical(library.load("method-comparison"))[:58]
        '{"conversions":[],"design":"Each subject is measured with '
    """
    known = _KNOWN.get(id(protocol))
    if known is None:
        data = _said(protocol)
        data["endpoints"] = {name: _definition(one) for name, one in protocol.endpoints.items()}
        known = protocol, _json(_ordered(data))
        while len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        _KNOWN[id(protocol)] = known
    return known[1]


def digest(protocol: Protocol) -> str:
    """SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(protocol).encode()).hexdigest()


def canonical_yaml(protocol: Protocol) -> str:
    """The resolved protocol as YAML for people: written order, nothing that says nothing.

    It reads back as the same protocol, with the same hash.
    """
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 100
    stream = io.StringIO()
    yaml.dump(_readable(protocol), stream)
    return stream.getvalue()


def endpoint_digest(protocol: Protocol, endpoint_id: str) -> str:
    """SHA-256 over everything in a resolved protocol that the rows of one endpoint depend on.

    Its definition, the tables and columns of its pairing and of the subjects, population with its exclusion
    codes in order of precedence, conversions, indeterminate policy, resampling, seed, and its subgroups.
    Titles and device names of these are left out: a column's new title does not make a result post hoc.

    Raises:
        KeyError: There is no such endpoint.
    """
    endpoint = protocol.endpoints[endpoint_id]
    parts: dict[str, Any] = {"endpoint": endpoint_id, "definition": _definition(endpoint)}
    for name, part in _dependencies(protocol, endpoint).items():
        parts[name] = _said(part, _WORDS_ONLY)
    return hashlib.sha256(_json(_ordered(parts)).encode()).hexdigest()


def _definition(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as data; its subgroups are a set, their order is for the reader only."""
    return {**_said(endpoint), "subgroups": sorted(endpoint.subgroups or [])}


def _said(value: Any, hidden: frozenset[str] = frozenset()) -> Any:
    """A model as JSON data: every field, but for `Model.later` ones at their default, and `hidden` ones."""
    if isinstance(value, Model):
        return {
            field.alias or name: _said(one, hidden)
            for name, field in type(value).model_fields.items()
            if name not in hidden
            and not (
                (one := getattr(value, name)) == field.get_default(call_default_factory=True)
                and name in value.later
            )
        }
    if isinstance(value, Mapping):
        return {key: _said(one, hidden) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_said(one, hidden) for one in value]
    return value


def _dependencies(protocol: Protocol, endpoint: Endpoint) -> dict[str, Any]:
    pairing = protocol.pairings[endpoint.pairing or ""]
    population = protocol.populations[endpoint.population or ""]
    tables = {name: protocol.tables[name] for name in {pairing.reference, pairing.test}}
    if SUBJECTS in protocol.tables:
        tables[SUBJECTS] = protocol.tables[SUBJECTS]
    return {
        "tables": tables,
        "pairing": pairing,
        "population": population,
        # A list: which of several codes a row is counted under depends on their order.
        "exclusions": [(code, protocol.exclusions[code]) for code in population.exclude or ()],
        "conversions": protocol.conversions,
        "indeterminate": protocol.indeterminate,
        "resampling": protocol.resampling,
        "seed": protocol.seed,
        "subgroups": {name: protocol.subgroups[name] for name in endpoint.subgroups or ()},
    }


def differences(old: Protocol, new: Protocol) -> list[str]:
    """Dotted keys in which two resolved protocols differ, sorted; keys that only one has are named whole.

    Example:
        >>> from accordance.protocols import library
        >>> old = library.load("heart-rate")
        >>> differences(old, old.model_copy(update={"seed": 7}))
        ['seed']
    """
    first, second = (json.loads(canonical(protocol)) for protocol in (old, new))
    changed = set(_changes(first, second, ()))
    if list(first["exclusions"]) != list(second["exclusions"]) and set(first["exclusions"]) == set(
        second["exclusions"]
    ):
        changed.add(f"exclusions{ORDER}")
    return sorted(changed)


def _changes(old: Any, new: Any, path: Path) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {*old, *new}:
            if key in old and key in new:
                yield from _changes(old[key], new[key], (*path, key))
            else:
                yield dotted((*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changes(before, after, (*path, index))
    elif type(old) is not type(new) or old != new:
        yield dotted(path)


def _ordered(data: Any, path: Sequence[str] = ()) -> Any:
    """Keys sorted except where their order has meaning; one zero."""
    if isinstance(data, dict):
        names = list(data) if tuple(path) == _ORDERED else sorted(data)
        return {name: _ordered(data[name], (*path, name)) for name in names}
    if isinstance(data, list | tuple):
        return [_ordered(item, (*path, "[]")) for item in data]
    return 0.0 if isinstance(data, float) and data == 0 else data


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _readable(value: Any) -> Any:
    """A model as data without fields that say nothing; quotes where text would read as something else."""
    if isinstance(value, BaseModel):
        return {
            field.alias or name: _readable(one)
            for name, field in type(value).model_fields.items()
            if (one := getattr(value, name)) is not None
            # An empty list may say something: `exclude: []` is not the same as silence.
            and not (one in ({}, ()) and field.get_default(call_default_factory=True) == one)
        }
    if isinstance(value, Mapping):
        return {_readable(key): _readable(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_readable(item) for item in value]
    if isinstance(value, str) and not isinstance(ScalarNode(value, True, Place(1, 1)).natural(), str):
        return DoubleQuotedScalarString(value)
    return value
