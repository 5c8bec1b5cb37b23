"""Checks shared by all metrics: what is acceptable, and the words for what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .metric import REQUIRED, Columns, FloatArray, Metric, Parameter
from .tolerance import ToleranceError, parse

NOT_NUMERIC = "`{name}` must hold numbers; it holds {found}."
NOT_FLAT = "`{name}` must be one column of values; its shape is {shape}."
NOT_FINITE = "`{name}` holds {count:,} values that are NaN or infinite, first at row {first}."
OTHER_LENGTH = "`{name}` has {found:,} values and `reference` has {expected:,}; they must be as many."
NEGATIVE_WEIGHT = "`weights` holds {count:,} negative values, first at row {first}."
MISSING_SUBJECT = "`subject` holds {count:,} missing labels, first at row {first}."
BAD_OFFSETS = "`offsets` must start at 0, never fall, and end at the number of rows."


class NotNumericError(ValueError):
    """A column that should hold numbers does not."""


class NotFiniteError(ValueError):
    """A column holds NaN or an infinity; such rows have to be excluded, with a reason, beforehand."""


class LengthError(ValueError):
    """Columns of one table differ in length."""


class ParameterError(ValueError):
    """Parameters of a metric are missing, unknown, or not acceptable; the message lists all of them."""


def measurements(name: str, values: ArrayLike) -> FloatArray:
    """One column as float64.

    Raises:
        NotNumericError: It does not hold numbers, or is not one column.
        NotFiniteError: It holds NaN or infinities.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" and array.size:
        raise NotNumericError(NOT_NUMERIC.format(name=name, found=_described(array)))
    if array.ndim != 1:
        raise NotNumericError(NOT_FLAT.format(name=name, shape=array.shape))
    numbers = np.asarray(array, dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise NotFiniteError(NOT_FINITE.format(name=name, count=len(bad), first=int(bad[0])))
    if numbers is values:  # not copied, for that would take longer than many a statistic
        numbers = numbers.view()
        numbers.flags.writeable = False
    return numbers


def row_weights(values: ArrayLike) -> FloatArray:
    """Row weights as float64.

    Raises:
        NotNumericError, NotFiniteError: As for measurements.
        ValueError: A weight is negative.
    """
    numbers = measurements("weights", values)
    bad = np.flatnonzero(numbers < 0)
    if len(bad):
        raise ValueError(NEGATIVE_WEIGHT.format(count=len(bad), first=int(bad[0])))
    return numbers


def same_length(expected: int, columns: Mapping[str, Sequence[Any] | NDArray[Any] | None]) -> None:
    """Every column that is given has as many values as the reference.

    Raises:
        LengthError: One has not.
    """
    for name, values in columns.items():
        if values is not None and len(values) != expected:
            raise LengthError(OTHER_LENGTH.format(name=name, found=len(values), expected=expected))


def measurement_columns(columns: Columns) -> Columns:
    """The columns with both measurements as finite float64 and everything of the right length.

    Raises:
        ValueError: They are not (NotNumericError, NotFiniteError, LengthError).
    """
    reference = measurements("reference", columns.reference)
    test = measurements("test", columns.test)
    same_length(len(reference), {"test": test, "weights": columns.weights})
    weights = None if columns.weights is None else row_weights(columns.weights)
    return Columns(reference, test, offsets(columns), columns.levels, weights)


def offsets(columns: Columns) -> NDArray[np.int64]:
    """The subjects' offsets, if they describe the rows.

    Raises:
        ValueError: They do not.
    """
    found = np.asarray(columns.offsets, dtype=np.int64)
    if len(found) < 1 or found[0] != 0 or found[-1] != len(columns.reference) or np.any(np.diff(found) < 0):
        raise ValueError(BAD_OFFSETS)
    return found


def subject_labels(values: Any, rows: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different subject labels as text, sorted, and for each row which of them it has.

    Raises:
        LengthError: Not one a row.
        ValueError: A label is missing.
    """
    array = np.asarray(values)
    same_length(rows, {"subject": array})
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "O":
        missing = np.array(
            [item is None or (isinstance(item, float) and np.isnan(item)) for item in array.tolist()],
            dtype=bool,
        )
    else:
        missing = np.zeros(rows, dtype=bool)
    if np.any(missing):
        where = np.flatnonzero(missing)
        raise ValueError(MISSING_SUBJECT.format(count=len(where), first=int(where[0])))
    if array.dtype.kind == "O":
        array = np.array([str(item) for item in array.tolist()], dtype=np.str_)
    found, label = np.unique(array, return_inverse=True)
    keys, place = np.unique(found.astype(np.str_), return_inverse=True)  # as text, 10 sorts before 9
    return tuple(keys.tolist()), np.asarray(place[label], dtype=np.int64)


def no_further_columns(metric: Metric, function: str, instead: str) -> None:
    """A function of reference and test alone has no place for a column that a metric needs besides.

    Args:
        metric: The metric asked for.
        function: Name of the function that was called.
        instead: What takes such a metric.

    Raises:
        ValueError: The metric needs further columns.
    """
    needed = [f"`{role.name}`" for role in metric.columns if role.needed]
    if needed:
        raise ValueError(
            f"`{metric.name}` needs the further column {' and '.join(needed)}, which `{function}` does not "
            f"take; accepted are metrics of reference and test alone. {instead}"
        )


def parameters(metric: Metric, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a metric with defaults filled in.

    Raises:
        ParameterError: Some are unknown, missing or not acceptable; all are listed.
    """
    known = {parameter.name: parameter for parameter in metric.parameters}
    problems = [
        f"`{name}` is not a parameter of `{metric.name}`; it has {_listed(known)}."
        for name in given
        if name not in known
    ]
    resolved = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        problem = objection(parameter, value)
        if problem:
            problems.append(f"`{name}` {problem}")
        resolved[name] = value
    if problems:
        raise ParameterError(" ".join(problems))
    return resolved


def objection(parameter: Parameter, value: Any) -> str | None:
    """What is wrong with a parameter's value, as the end of a sentence; None if nothing."""
    if value is REQUIRED:
        accepted = f": one of {', '.join(parameter.choices)}" if parameter.choices else ""
        return f"has to be given{accepted}."
    if parameter.kind == "tolerance":
        try:
            parse(value)
        except ToleranceError as problem:
            return f"is not a tolerance: {problem}"
        return None
    if parameter.kind == "choice":
        return (
            None if value in parameter.choices else f"is {value!r}; accepted: {', '.join(parameter.choices)}."
        )
    if parameter.kind == "text":
        return None if isinstance(value, str) else f"is {value!r}; text is needed."
    return _number_objection(parameter, value)


def _number_objection(parameter: Parameter, value: Any) -> str | None:
    accepted = (int, np.integer) if parameter.kind == "integer" else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, accepted) or not np.isfinite(value):
        return f"is {value!r}; {'an integer' if parameter.kind == 'integer' else 'a number'} is needed."
    if parameter.minimum is not None and value < parameter.minimum:
        return f"is {value!r}; at least {parameter.minimum:g} is needed."
    if parameter.maximum is not None and value > parameter.maximum:
        return f"is {value!r}; at most {parameter.maximum:g} is accepted."
    return None


def _listed(known: Mapping[str, Any]) -> str:
    return ", ".join(known) if known else "none"


def _described(array: NDArray[Any]) -> str:
    if array.dtype.kind == "O":
        odd = next((item for item in array.ravel().tolist() if not isinstance(item, int | float)), None)
        return f"values such as {odd!r}"
    return {"U": "text", "S": "bytes", "b": "true and false", "M": "times", "m": "durations"}.get(
        array.dtype.kind, f"values of type {array.dtype}"
    )
