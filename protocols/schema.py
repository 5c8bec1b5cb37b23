"""JSON Schema of the protocol language, for editors: completion, descriptions, errors while typing.

Made from the models and the metric registry, so it cannot fall behind. It accepts what the reader accepts
(shorthands, numbers under text fields) and cannot see what only cross-checks see; `check` has the last word.
"""

from __future__ import annotations

from typing import Any

from ..evaluators import intervals, registry
from ..evaluators.metric import REQUIRED, Metric, Parameter
from .describe import TIERS
from .inherit import Head, Variant
from .model import Protocol

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_QUANTITY = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*[^\s\d].*$"
_SCALARS = ["string", "number", "boolean"]
_VARIANT = {name: str(field.description) for name, field in Variant.model_fields.items()}
"""Keys of a variant, in words."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a protocol file.

    Example:
        >>> schema = json_schema()
        >>> "bland_altman" in schema["$defs"]["Endpoint"]["properties"]["metric"]["enum"]
        True
    """
    schema = Protocol.model_json_schema(by_alias=True, mode="validation")
    definitions = schema["$defs"]
    _widen(schema)
    _shorthands(definitions)
    _endpoint(definitions["Endpoint"])
    _interval(definitions["IntervalSpec"])
    _tier(definitions["Criterion"])
    return {"$schema": DIALECT, "title": "Accordance protocol", "$defs": definitions, **_file(schema)}


def _file(protocol: dict[str, Any]) -> dict[str, Any]:
    """A file that says all itself, or one that says with `extends` what differs: any part of a protocol."""
    head = Head.model_json_schema()
    variants = {name: text for name, text in head["properties"]["variants"].items() if name == "description"}
    variant = {
        "type": "object",
        "properties": {name: {"description": words} for name, words in _VARIANT.items()},
        "required": ["title"],
        "additionalProperties": False,
    }
    variants |= {"type": "object", "additionalProperties": variant}
    whole = {key: value for key, value in protocol.items() if key not in {"title", "$defs"}}
    properties = {**whole["properties"], "variants": variants}
    loose = {
        name: {"description": one["description"]} if "description" in one else {}
        for name, one in properties.items()
    }
    extends = {"description": head["properties"]["extends"]["description"], "type": "string"}
    child = {
        "type": "object",
        "properties": {**loose, "extends": extends, "variants": variants},
        "additionalProperties": False,
    }
    return {"if": {"required": ["extends"]}, "then": child, "else": {**whole, "properties": properties}}


def _widen(node: Any) -> None:
    """Accept what the reader accepts: any scalar where text is expected, one value for a list of values."""
    if isinstance(node, list):
        for item in node:
            _widen(item)
        return
    if not isinstance(node, dict):
        return
    for value in list(node.values()):
        _widen(value)
    if node.get("type") == "string" and not node.keys() & {"enum", "const", "pattern"}:
        node["type"] = list(_SCALARS)
    elif node.get("type") == "array" and "items" in node and "prefixItems" not in node:
        single = node["items"]
        if "$ref" not in single:
            array = {key: node.pop(key) for key in ("type", "items") if key in node}
            node["anyOf"] = [array, single]


def _shorthands(definitions: dict[str, Any]) -> None:
    """A bare value or list for a condition, a text for a quantity."""
    values = {"type": list(_SCALARS)}
    condition, quantity = definitions["Condition"], definitions["Quantity"]
    definitions["Condition"] = {
        "description": condition["description"],
        "anyOf": [values, {"type": "array", "items": values}, {**condition, "minProperties": 1}],
    }
    definitions["Quantity"] = {
        "description": quantity["description"],
        "anyOf": [{"type": "string", "pattern": _QUANTITY}, quantity],
    }


def _endpoint(definition: dict[str, Any]) -> None:
    """Metric names, and for each metric its parameters, averages, statistics and interval methods."""
    metrics = registry.all_metrics()
    words = "\n".join(f"{metric.name}: {metric.summary}" for metric in metrics)
    definition["properties"]["metric"] = {
        "enum": [metric.name for metric in metrics],
        "description": f"What is computed.\n{words}",
    }
    definition["allOf"] = [_rules(metric) for metric in metrics]


def _rules(metric: Metric) -> dict[str, Any]:
    """What an endpoint of this metric may and must say."""
    required = [parameter.name for parameter in metric.parameters if parameter.default is REQUIRED]
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {parameter.name: _parameter(parameter) for parameter in metric.parameters},
        "additionalProperties": False,
        "required": required,
    }
    statistics = {
        statistic.name: {"enum": list(statistic.intervals), "description": statistic.definition}
        for statistic in metric.statistics
    }
    roles = {role.name: {"description": role.doc} for role in metric.columns}
    asked = [role.name for role in metric.columns if role.needed]
    needed = [*(["parameters"] if required else []), *(["average"] if len(metric.averages) > 1 else [])]
    needed += ["columns"] if asked else []
    own = statistics_of_levels(metric)
    offered = {} if own else {"criterion": {"properties": {"statistic": {"enum": list(statistics)}}}}
    return {
        "if": {"properties": {"metric": {"const": metric.name}}, "required": ["metric"]},
        "then": {
            "required": needed,
            "properties": {
                "parameters": parameters,
                "columns": {"properties": roles, "additionalProperties": False, "required": asked},
                "average": {"enum": list(metric.averages)},
                "interval": {
                    "properties": {"methods": {"properties": statistics, "additionalProperties": own}}
                },
                **offered,
            },
        },
    }


def statistics_of_levels(metric: Metric) -> bool:
    """Whether a metric has statistics for each level of a column, which only the protocol names."""
    return type(metric).of_levels is not Metric.of_levels


def _parameter(parameter: Parameter) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "number": {"type": "number"},
        "integer": {"type": "integer"},
        "text": {"type": list(_SCALARS)},
        "choice": {"enum": list(parameter.choices)},
        "tolerance": {"type": ["string", "number"]},
    }
    rule = {**kinds[parameter.kind], "description": parameter.doc}
    if parameter.minimum is not None:
        rule["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        rule["maximum"] = parameter.maximum
    if parameter.default is not REQUIRED:
        rule["default"] = parameter.default
    if parameter.default is None:
        return {"anyOf": [rule, {"type": "null"}]}
    return rule


def _interval(definition: dict[str, Any]) -> None:
    words = "\n".join(f"{method.name}: {method.words}" for method in intervals.METHODS.values())
    field = definition["properties"]["method"]
    definition["properties"]["method"] = {
        "enum": [*intervals.METHODS, None],
        "default": None,
        "description": f"{field['description']}\n{words}",
    }


def _tier(definition: dict[str, Any]) -> None:
    field = definition["properties"]["tier"]
    words = "\n".join(f"{tier}: {TIERS[tier]}" for tier in field["enum"])
    field["description"] = f"{field['description']}\n{words}"
