"""YAML in, typed model out; whatever is wrong is said all at once, with file, line and column.

The accepted YAML is version 1.2 without the parts that make a protocol hard to read for people who did not
write it: anchors, aliases, merge keys, tags and several documents in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Generic, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from .errors import ContractError, Violation, relative, shorten
from .model import Model
from .nodes import Document, ListNode, MapNode, Node, Path, Place, ScalarNode
from .shape import Shaper
from .words import from_pydantic

MAX_BYTES = 2_000_000
"""A protocol is a few hundred lines; a file beyond this size is something else."""
MAX_SCALAR = 100_000
"""Longest accepted single value, in characters."""
MAX_SHOWN = 200
"""Most violations of one file that are listed; a file with more is not a protocol yet."""
MAX_DEPTH = 40
"""Deepest accepted nesting; the language itself needs nine levels."""

_M = TypeVar("_M", bound=Model)
_Event = yaml_events.Event


def read_yaml(source: FilePath | str, file: str | None = None) -> Document:
    r"""Parse a file (a `Path`) or a text (a `str`) into a document that knows its positions.

    Args:
        source: The path of a file, or YAML text.
        file: Name used in messages. Default: the path relative to the working directory, or `protocol.yaml`.

    Raises:
        ContractError: It cannot be read as YAML; each violation names file, line and column.

    Example:
        >>> document = read_yaml("id: '007'\ntitle: no\n")
        >>> document.place(("title",))
        Place(line=2, column=8)
    """
    if isinstance(source, FilePath):
        name = file or relative(source)
        text = _decode(_read_bytes(source, name), name)
    else:
        name, text = file or "protocol.yaml", source
    if len(text) > MAX_BYTES:
        raise _too_large(len(text), name)
    return Document(name, _tree(text.removeprefix("\ufeff"), name))


def validate(model_class: type[_M], document: Document) -> _M:
    """Turn a document into a model.

    Lists become tuples, whole numbers become numbers where numbers are expected, and under a text field the
    value is what was written: `007` stays `007`, `1.0` stays `1.0`. A single value stands for a list of one.

    Raises:
        ContractError: Every violation, in the order of the file.
    """
    result = attempt(model_class, document)
    if result.violations or result.model is None:
        raise contract_error(result.violations)
    return result.model


@dataclass(frozen=True)
class Attempt(Generic[_M]):
    """What became of a document.

    Attributes:
        model: The model; with violations, what it would be if suggestions were followed and parts that cannot
            be mended left out, for further checks only; None where that is no model either.
        violations: Everything that does not fit the model.
        failed: Where that was.
    """

    model: _M | None
    violations: list[Violation]
    failed: list[Path]


def attempt(model_class: type[_M], document: Document, droppable: str = "") -> Attempt[_M]:
    """Turn a document into a model as far as possible; `droppable` names a mapping whose entries may go."""
    shaper = Shaper(document)
    data = shaper.shape(model_class, document.root, ())
    violations, failed = list(shaper.violations), list(shaper.failed)
    try:
        return Attempt(model_class.model_validate(data), violations, failed)
    except ValidationError as error:
        found = from_pydantic(error, document, failed)
    violations += [violation for violation, _ in found]
    failed += [path for _, path in found]
    for path in failed:
        if len(path) > 1 and path[0] == droppable and isinstance(data.get(droppable), dict):
            data[droppable].pop(path[1], None)
    try:
        return Attempt(model_class.model_validate(data), violations, failed)
    except ValidationError:
        return Attempt(None, violations, failed)


def contract_error(violations: Sequence[Violation]) -> ContractError:
    """The error that lists violations as a reader going down the file meets them, the first `MAX_SHOWN`."""
    ordered = sorted(violations, key=lambda one: (one.line or 0, one.column or 0, one.key or ""))
    left_out = len(ordered) - MAX_SHOWN
    if left_out > 0:
        last = ordered[MAX_SHOWN - 1]
        more = Violation(f"and {left_out:,} more below this line", last.file, last.line, last.column)
        ordered = [*ordered[:MAX_SHOWN], more]
    return ContractError(ordered)


def _too_large(size: int, name: str) -> ContractError:
    message = f"the file has {size:,} characters; {MAX_BYTES:,} is the most a protocol or study may have"
    return ContractError([Violation(message, file=name)])


def _read_bytes(path: FilePath, name: str) -> bytes:
    try:
        if path.stat().st_size > 4 * MAX_BYTES:
            raise _too_large(path.stat().st_size, name)
        return path.read_bytes()
    except FileNotFoundError:
        raise ContractError([Violation("there is no such file", file=name)]) from None
    except IsADirectoryError:
        raise ContractError([Violation("this is a folder; a YAML file is expected", file=name)]) from None
    except OSError as error:
        raise ContractError([Violation(f"the file cannot be read: {error.strerror}", file=name)]) from None


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line_start = before.rfind(b"\n") + 1
        raise ContractError(
            [
                Violation(
                    "the file is not UTF-8 text; save it with the encoding UTF-8",
                    file=name,
                    line=before.count(b"\n") + 1,
                    column=len(before[line_start:].decode("utf-8")) + 1,
                    found=f"byte 0x{data[error.start]:02x}",
                )
            ]
        ) from None


def _tree(text: str, name: str) -> MapNode:
    builder = _Builder(name)
    try:
        for event in _events(text):
            builder.take(event)
    except MarkedYAMLError as error:
        builder.violations.append(_yaml_violation(error, name))
    except ReaderError as error:
        builder.violations.append(_character_violation(error, text, name))
    except YAMLError as error:
        builder.violations.append(Violation(f"not valid YAML: {error}", file=name))
    if builder.violations:
        raise contract_error(builder.violations)
    if builder.root is None or (isinstance(builder.root, ScalarNode) and builder.root.is_null):
        raise ContractError([Violation("the file is empty", file=name, line=1, column=1)])
    if not isinstance(builder.root, MapNode):
        place = builder.root.place
        found = "a list" if isinstance(builder.root, ListNode) else shorten(builder.root.text)
        message = "the file must hold keys and values, such as `id: my-study`"
        raise ContractError(
            [Violation(message, file=name, line=place.line, column=place.column, found=found)]
        )
    return MapNode(builder.root.entries, Place(1, 1))


def _events(text: str) -> Iterator[_Event]:
    # Events, not constructed objects: they carry the text as written and build nothing on behalf of a tag.
    yield from YAML(typ="safe", pure=True).parse(text)


class _Builder:
    """Builds nodes from parser events and collects what the language does not accept."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.violations: list[Violation] = []
        self.root: Node | None = None
        self._open: list[tuple[bool, Place, list[Node]]] = []
        self._documents = 0

    def take(self, event: _Event) -> None:
        """Handle one event."""
        if isinstance(event, yaml_events.DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                self._refuse(event, "a second document starts here; one file holds one document", "---")
        elif isinstance(event, yaml_events.AliasEvent):
            self._refuse(event, "aliases are not accepted; write the value out here", f"*{event.anchor}")
            self._add(ScalarNode("", True, _place(event)))
        elif isinstance(event, yaml_events.MappingStartEvent | yaml_events.SequenceStartEvent):
            self._check_extras(event)
            if len(self._open) == MAX_DEPTH:
                self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
                raise ContractError(self.violations)
            self._open.append((isinstance(event, yaml_events.MappingStartEvent), _place(event), []))
        elif isinstance(event, yaml_events.MappingEndEvent | yaml_events.SequenceEndEvent):
            is_map, place, items = self._open.pop()
            self._add(self._mapping(items, place) if is_map else ListNode(tuple(items), place))
        elif isinstance(event, yaml_events.ScalarEvent):
            self._check_extras(event)
            self._add(self._scalar(event))

    def _add(self, node: Node) -> None:
        if self._open:
            self._open[-1][2].append(node)
        elif self.root is None:
            self.root = node

    def _scalar(self, event: yaml_events.ScalarEvent) -> ScalarNode:
        text = event.value
        if len(text) > MAX_SCALAR:
            self._refuse(
                event, f"one value with {len(text):,} characters; {MAX_SCALAR:,} is the most", shorten(text)
            )
        # The line break that ends a block (`|`, `>`) is layout, not content.
        if event.style in {"|", ">"}:
            text = text.rstrip("\n")
        return ScalarNode(text, not event.style, _place(event))

    def _mapping(self, items: list[Node], place: Place) -> MapNode:
        entries: list[tuple[ScalarNode, Node]] = []
        seen: dict[str, Place] = {}
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                self._refuse_at(key.place, "a key must be a single word, not a list or a mapping")
            elif key.text == "<<" and key.plain:
                self._refuse_at(key.place, "merge keys are not accepted; write the keys out here", "<<")
            elif key.text in seen:
                first = seen[key.text].line
                self._refuse_at(key.place, f"this key is already set in line {first}; keep one", key.text)
            else:
                seen[key.text] = key.place
                # The parser places a value that was left out at whatever comes next.
                left_out = isinstance(value, ScalarNode) and value.plain and not value.text
                entries.append((key, ScalarNode("", True, key.place) if left_out else value))
        return MapNode(tuple(entries), place)

    def _check_extras(self, event: yaml_events.NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(
                event,
                "anchors are not accepted; write the value out wherever it is meant",
                f"&{event.anchor}",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(
                event, "tags are not accepted; quote the value where text is meant", shorten(str(tag))
            )

    def _refuse(self, event: _Event, message: str, found: str | None = None) -> None:
        self._refuse_at(_place(event), message, found)

    def _refuse_at(self, place: Place, message: str, found: str | None = None) -> None:
        self.violations.append(
            Violation(message, file=self.name, line=place.line, column=place.column, found=found)
        )


def _place(event: _Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


_COLON = (
    "a colon stands where none can be: quote a text that contains `: `, and indent the keys of a block evenly"
)
_FRIENDLY: tuple[tuple[str, str], ...] = (
    (r"character '\\t'", "a tab stands where only spaces can indent; replace it by spaces"),
    (r"character '(.)' that cannot start", "a value cannot start with `{0}`; put the value in quotes"),
    (r"mapping values are not allowed", _COLON),
    (r"could not find expected ':'", "a key without its colon; write `key: value`"),
    (r"expected ',' or '\]'", "the list that starts with `[` is not closed or lacks a comma"),
    (r"expected ',' or '\}'", "the mapping that starts with `{{` is not closed or lacks a comma"),
    (r"unexpected end of stream", "a quote is opened and never closed"),
    (r"expected the node content", "a value is missing here, or a `[` or `{{` before it is not closed"),
    (r"expected <block end>", "the indentation does not fit the lines above"),
    (r"undefined alias", "aliases are not accepted; write the value out here"),
)


def _yaml_violation(error: MarkedYAMLError, name: str) -> Violation:
    """The parser's complaint in words a protocol's author can act on, at the place where it started."""
    problem = " ".join(str(part) for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    message = f"not valid YAML: {problem}"
    for pattern, words in _FRIENDLY:
        if match := re.search(pattern, problem):
            message = f"not valid YAML: {words.format(*match.groups())}"
            if "never closed" in words or "starts with" in words:
                mark = error.context_mark or mark
            break
    if mark is None:
        return Violation(message, file=name)
    return Violation(message, file=name, line=mark.line + 1, column=mark.column + 1)


def _character_violation(error: ReaderError, text: str, name: str) -> Violation:
    before = text[: error.position]
    return Violation(
        "a control character that YAML does not allow; remove it",
        file=name,
        line=before.count("\n") + 1,
        column=len(before) - before.rfind("\n"),
        found=f"U+{ord(text[error.position]):04X}",
    )
