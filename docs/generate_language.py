"""The tables of the protocol language and of study.yaml, from their typed models."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from accordance.protocols.model import Model, Protocol, Quantity
from accordance.studies.config import StudyConfig

WORDS: dict[Any, str] = {
    Quantity: "number with unit, such as `5 s`",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "anything",
}


def type_words(annotation: Any) -> str:
    """A type as an author of YAML thinks of it."""
    if annotation in WORDS:
        return WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return f"[{annotation.__name__}](#{anchor(annotation)})"
    return composed_words(get_origin(annotation), get_args(annotation))


def composed_words(origin: Any, parts: tuple[Any, ...]) -> str:
    """A type made of others."""
    if origin is Annotated:
        return type_words(parts[0]) + limits(parts[1:])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in parts)
    if origin is dict:
        return f"mapping of identifier to {type_words(parts[1])}"
    if origin is tuple and parts[-1] is Ellipsis:
        return f"list of {type_words(parts[0])}"
    words = [type_words(part) for part in parts if part is not type(None)]
    return f"[{', '.join(words)}]" if origin is tuple else " or ".join(words)


def limits(metadata: typing.Iterable[Any]) -> str:
    """Bounds of a number, in words."""
    parts = []
    for item in metadata:
        for limit in getattr(item, "metadata", [item]):
            for kind, sign in ((annotated_types.Gt, ">"), (annotated_types.Ge, "at least"),
                               (annotated_types.Lt, "<"), (annotated_types.Le, "at most")):  # fmt: skip
                if isinstance(limit, kind):
                    parts.append(f"{sign} {getattr(limit, kind.__name__.lower())}")
    return f" ({', '.join(parts)})" if parts else ""


def anchor(model: type[Model]) -> str:
    """Where a model is described on its page."""
    return model.__name__.lower()


def key_of(name: str, field: FieldInfo) -> str:
    """The key as written in YAML."""
    return field.alias or name


def default_words(field: FieldInfo) -> str:
    """The default, or that the key is mandatory."""
    if field.is_required():
        return "**mandatory**"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ((), {}):
        return ""
    if isinstance(value, Model):
        return "its defaults"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def models(root: type[Model]) -> Iterator[type[Model]]:
    """A model and all it holds, in the order in which a reader meets them."""
    seen: list[type[Model]] = []

    def visit(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, Model):
            if annotation in seen or annotation is Quantity:
                return
            seen.append(annotation)
            for field in annotation.model_fields.values():
                visit(field.annotation)
        for part in get_args(annotation):
            visit(part)

    visit(root)
    yield from seen


def missing_words() -> list[str]:
    """Keys that nobody has described."""
    return [
        f"{model.__name__}.{key_of(name, field)}"
        for root in (Protocol, StudyConfig)
        for model in models(root)
        for name, field in model.model_fields.items()
        if not field.description
    ]


def tables(root: type[Model], skip: frozenset[type[Model]] = frozenset()) -> str:
    """One table a model."""
    parts = []
    for model in models(root):
        if model in skip:
            continue
        parts.append(f"### {model.__name__} {{ #{anchor(model)} }}\n\n{(model.__doc__ or '').strip()}\n")
        parts.append("| key | value | default | meaning |\n|---|---|---|---|")
        for name, field in model.model_fields.items():
            words = (field.description or "").replace("|", "\\|")
            kind = type_words(field.annotation) + limits(field.metadata)
            parts.append(f"| `{key_of(name, field)}` | {kind} | {default_words(field)} | {words} |")
        parts.append("")
    return "\n".join(parts)


def protocol() -> str:
    """Every key of a protocol."""
    return tables(Protocol)


def study() -> str:
    """Every key of study.yaml."""
    return tables(StudyConfig)
