"""Nodes to plain Python values, guided by a model's annotations; a violation wherever a node does not fit.

Pydantic then checks what remains (patterns, bounds, validators). Walking the annotations first is what keeps
text as written, turns lists into tuples, expands shorthands, and lets messages speak of YAML, not of Python.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from .errors import Violation, nearest, shorten
from .model import Identifier, Model
from .nodes import Document, ListNode, MapNode, Node, Path, Place, ScalarNode, dotted

FAILED: Final = object()
"""Stands for a value that was already reported."""

_SCALARS: tuple[type, ...] = (str, int, float, bool)
_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class Shaper:
    """Walks one document against one model; see the module.

    What was reported with a suggestion goes on with the suggestion, so that checks that come later can still
    find what else is wrong.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.violations: list[Violation] = []
        self.failed: list[Path] = []

    def shape(self, annotation: Any, node: Node, path: Path) -> Any:
        """The Python value of a node under an annotation, or `FAILED` after reporting why not."""
        annotation = bare(annotation)
        if annotation is Any:
            return self._natural(node, path)
        branch = _branch(annotation, node)
        if branch is None:
            return self._fail(path, node, expected(annotation))
        if branch is type(None):
            return None
        return self._shape_branch(branch, node, path)

    def _shape_branch(self, branch: Any, node: Node, path: Path) -> Any:
        origin = get_origin(branch)
        if origin is Literal:
            return self._choice(branch, node, path)
        if origin is tuple:
            return self._tuple(get_args(branch), node, path)
        if origin is dict:
            return self._dict(branch, node, path)
        if isinstance(branch, type) and issubclass(branch, Model):
            return self._model(branch, node, path)
        if branch is _Scalars:
            return node.natural() if isinstance(node, ScalarNode) else FAILED
        return self._scalar(branch, node, path)

    def _natural(self, node: Node, path: Path) -> Any:
        if isinstance(node, ScalarNode):
            return node.natural()
        if isinstance(node, ListNode):
            return tuple(self._natural(item, (*path, index)) for index, item in enumerate(node.items))
        return {key.text: self._natural(value, (*path, key.text)) for key, value in node.entries}

    def _scalar(self, kind: Any, node: Node, path: Path) -> Any:
        if not isinstance(node, ScalarNode) or node.is_null:
            return self._fail(path, node, expected(kind))
        if kind is str:
            return node.text
        value = _typed(kind, node)
        if value is not None:
            return value
        hint = _scalar_hint(kind, node)
        failed = self._fail(path, node, expected(kind), hint)
        return failed if hint is None else _typed(kind, ScalarNode(hint, True, node.place))

    def _choice(self, branch: Any, node: Node, path: Path) -> Any:
        choices = [str(choice) for choice in get_args(branch)]
        if isinstance(node, ScalarNode) and node.text in choices:
            return node.text
        hint = None
        if isinstance(node, ScalarNode) and not node.is_null:
            hint = nearest(node.text, choices) or nearest(node.text.lower(), choices)
        failed = self._fail(path, node, expected(branch), hint)
        return failed if hint is None else hint

    def _tuple(self, arguments: Sequence[Any], node: Node, path: Path) -> Any:
        # A single value stands for a list of one.
        items = node.items if isinstance(node, ListNode) else (node,)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(self.shape(arguments[0], item, (*path, index)) for index, item in enumerate(items))
        if len(items) != len(arguments):
            return self._fail(path, node, f"a list of {len(arguments)} values")
        pairs = zip(arguments, items, strict=True)
        return tuple(self.shape(kind, item, (*path, index)) for index, (kind, item) in enumerate(pairs))

    def _dict(self, branch: Any, node: Node, path: Path) -> Any:
        if not isinstance(node, MapNode):
            return self._fail(path, node, expected(branch))
        value_kind = get_args(branch)[1]
        return {key.text: self.shape(value_kind, value, (*path, key.text)) for key, value in node.entries}

    def _model(self, model: type[Model], node: Node, path: Path) -> Any:
        from_text = getattr(model, "from_text", None)
        if from_text is not None and isinstance(node, ScalarNode):
            try:
                return from_text(node.text)
            except ValueError as error:
                return self._fail(path, node, str(error).removeprefix("expected "))
        if not isinstance(node, MapNode):
            if model.shorthand is None:
                return self._fail(path, node, expected(model))
            fields = {name: field for name, field in fields_of(model).items() if name == model.shorthand}
            return {name: self.shape(field.annotation, node, (*path, name)) for name, field in fields.items()}
        return self._fields(model, node, path)

    def _fields(self, model: type[Model], node: MapNode, path: Path) -> dict[str, Any]:
        fields = fields_of(model)
        present = {key.text for key, _ in node.entries}
        values: dict[str, Any] = {}
        for key, value in node.entries:
            if key.text in fields:
                values[key.text] = self.shape(fields[key.text].annotation, value, (*path, key.text))
            else:
                hint = nearest(key.text, [name for name in fields if name not in present])
                message = f"unknown key; accepted here: {listed(fields)}"
                self._report((*path, key.text), key.place, message, key.text, hint)
                if hint is not None and hint not in values:
                    values[hint] = self.shape(fields[hint].annotation, value, (*path, key.text))
        for name, field in fields.items():
            if name not in present and name not in values and field.is_required():
                self._missing((*path, name), field)
        return values

    def _missing(self, path: Path, field: Any) -> None:
        words = f"this key is missing; expected {expected(field.annotation)}"
        if field.description:
            words += f": {field.description.removesuffix('.')}"
        self._report(path, self.document.key_place(path), words, None, None)

    def _fail(self, path: Path, node: Node, accepted: str, hint: str | None = None) -> object:
        self._report(path, node.place, f"expected {accepted}", found(node), hint)
        return FAILED

    def _report(self, path: Path, place: Place, message: str, value: str | None, hint: str | None) -> None:
        self.failed.append(path)
        file = place.file or self.document.file
        self.violations.append(Violation(message, file, place.line, place.column, dotted(path), value, hint))


class _Scalars:
    """Marks a union that leaves the type of a scalar open."""


def bare(annotation: Any) -> Any:
    """An annotation without its `Annotated` wrapping."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _members(annotation: Any) -> list[Any]:
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation]


def _branch(annotation: Any, node: Node) -> Any:
    """The member of a union that fits the kind of node; None when none does."""
    members = _members(annotation)
    if isinstance(node, ScalarNode):
        if node.is_null and type(None) in members:
            return type(None)
        scalars = [member for member in members if member in _SCALARS]
        choices = [member for member in members if get_origin(member) is Literal]
        if len(scalars) > 1:
            return _Scalars if str in scalars else float
        shorthands = [member for member in members if _takes_scalar(member)]
        named = [choice for choice in choices if node.text in get_args(choice)]
        return next(iter([*named, *scalars, *choices, *shorthands]), None)
    if isinstance(node, ListNode):
        return next(
            (member for member in members if get_origin(member) is tuple or _takes_list(member)), None
        )
    return next((member for member in members if get_origin(member) is dict or _is_model(member)), None)


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, Model)


def _takes_scalar(member: Any) -> bool:
    if get_origin(member) is tuple:
        arguments = get_args(member)
        return len(arguments) == 2 and arguments[1] is Ellipsis and not _is_model(bare(arguments[0]))
    return _takes_list(member) or hasattr(member, "from_text")


def _takes_list(member: Any) -> bool:
    return _is_model(member) and member.shorthand is not None


def fields_of(model: type[Model]) -> dict[str, Any]:
    """A model's fields by the key that YAML uses for them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def listed(names: Any) -> str:
    """Names as text: `a`, `b`, `c`."""
    return ", ".join(f"`{name}`" for name in names)


def expected(annotation: Any) -> str:
    """What an annotation accepts, in the words of somebody who writes YAML.

    Example:
        >>> expected(tuple[float, float] | None)
        'a list of 2 values (each a number)'
    """
    if annotation is Identifier:
        return "an identifier"
    members = [member for member in _members(annotation) if member is not type(None)]
    if str in members and float in members:
        return "a single value"
    return " or ".join(dict.fromkeys(_one_expected(member) for member in members))


def _one_expected(member: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`", Any: "a value"}
    origin, arguments = get_origin(member), get_args(member)
    text = words.get(member, "a value")
    if origin is Literal:
        text = listed(arguments) if len(arguments) == 1 else f"one of {listed(arguments)}"
    elif origin is tuple:
        size = "a list" if arguments[1] is Ellipsis else f"a list of {len(arguments)} values"
        text = f"{size} (each {expected(arguments[0])})"
    elif origin is dict:
        text = "a mapping (`name:` with its keys indented below)"
    elif hasattr(member, "from_text"):
        text = "a number with its unit, such as `5 s`"
    elif _is_model(member):
        text = f"a mapping with keys such as {listed(list(fields_of(member))[:4])}"
    return text


def found(node: Node) -> str:
    """A node as a short text for a message."""
    if isinstance(node, ListNode):
        return f"a list of {len(node.items)}"
    if isinstance(node, MapNode):
        keys = ", ".join(key.text for key, _ in node.entries)
        return shorten(f"a mapping with {keys}") if keys else "an empty mapping"
    if node.is_null:
        return "nothing"
    return shorten(node.text if node.plain else f'"{node.text}"')


def _typed(kind: Any, node: ScalarNode) -> bool | int | float | None:
    if kind is bool:
        return node.boolean()
    return node.integer() if kind is int else node.number()


def _scalar_hint(kind: Any, node: ScalarNode) -> str | None:
    if kind is bool:
        return _YES_NO.get(node.text.lower()) or {"true": "true", "false": "false"}.get(node.text.lower())
    bare_text = node.text.strip().replace("_", "").replace(" ", "")
    for candidate in (bare_text, bare_text.replace(",", "."), bare_text.removesuffix("%")):
        number = ScalarNode(candidate, True, node.place).number()
        if number is None:
            continue
        if kind is float:
            return candidate
        if number == int(number):
            return str(int(number))
    return None
