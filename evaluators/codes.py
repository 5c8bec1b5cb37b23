"""Categories as integer codes: what the plain functions turn values into, and what metrics insist on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import checks
from .metric import Columns, IntArray, Metric


def check_request(metric: Metric, columns: Columns, average: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters and averages that the metric does not have, and columns that do not fit together.

    Raises:
        ValueError: One of these.
    """
    checks.parameters(metric, parameters)
    if average not in metric.averages:
        raise ValueError(f"`average` of {metric.name} is {' or '.join(metric.averages)}, not {average!r}.")
    checks.same_length(len(columns.reference), {"test": columns.test, "weights": columns.weights})
    checks.offsets(columns)


def check_codes(name: str, values: NDArray[Any], n_levels: int) -> None:
    """Refuse category codes that are not whole numbers from 0 up to the number of levels.

    Raises:
        ValueError: Another type, or a code outside.
    """
    if not values.size:
        return
    if values.dtype.kind not in "iub":
        raise ValueError(f"`{name}` must hold integer codes, not {values.dtype}.")
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= n_levels:
        raise ValueError(f"`{name}` must hold codes from 0 to {n_levels - 1}; found {low} to {high}.")


def weighted_rows(columns: Columns) -> Columns:
    """The columns without their rows of weight 0, which are no units.

    Example:
        >>> codes, weights = np.array([1, 0, 1]), np.array([1.0, 0.0, 2.0])
        >>> weighted_rows(Columns(codes, codes, np.array([0, 2, 3]), weights=weights)).offsets
        array([0, 1, 2])
    """
    if columns.weights is None or np.all(columns.weights > 0):
        return columns
    kept = columns.weights > 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return replace(
        columns,
        reference=columns.reference[kept],
        test=columns.test[kept],
        offsets=before[columns.offsets].astype(np.int64),
        weights=columns.weights[kept],
        roles={part: values[kept] for part, values in columns.roles.items()},
    )


def binary_codes(name: str, values: ArrayLike, positive: Any = None) -> IntArray:
    """Values as 1 (positive) and 0.

    Args:
        name: Name of the column, for messages.
        values: (n,) values of any type.
        positive: The value, or the values, that count as positive; everything else is negative. Default: the
            values must be 0 and 1, or false and true.

    Raises:
        ValueError: More than one column, a missing value, or values that need `positive`.

    Example:
        >>> binary_codes("test", ["AF", "SR", "AF"], positive="AF")
        array([1, 0, 1])
    """
    array = _flat(name, values)
    if positive is None:
        if array.size and (array.dtype.kind not in "iubf" or not np.all((array == 0) | (array == 1))):
            raise ValueError(f"`{name}` holds other values than 0 and 1; say which are `positive`.")
        return array.astype(np.int64)
    wanted = _several(positive)
    if array.dtype.kind == "O":
        return np.array([value in wanted for value in array.tolist()], dtype=np.int64)
    return np.isin(array, wanted).astype(np.int64)


def category_codes(
    reference: ArrayLike, test: ArrayLike, levels: Iterable[Any] | None = None
) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    """Reference and test as codes into one list of levels, compared as text.

    Args:
        reference: (n,) values.
        test: (n,) values.
        levels: The levels in order. Default: all values found, sorted as text.

    Returns:
        Codes of the reference, codes of the test, names of the levels.

    Raises:
        ValueError: A missing value, or a value that is none of the levels.

    Example:
        >>> category_codes(["wake", "rem"], ["rem", "rem"])
        (array([1, 0]), array([0, 0]), ('rem', 'wake'))
    """
    columns = {"reference": _text(_flat("reference", reference)), "test": _text(_flat("test", test))}
    found = sorted(set().union(*(np.unique(values).tolist() for values in columns.values())))
    names = tuple(str(level) for level in levels) if levels is not None else tuple(found)
    if len(set(names)) != len(names):
        raise ValueError("`levels` names a level twice.")
    unknown = [value for value in found if value not in set(names)]
    if unknown:
        raise ValueError(
            f"{len(unknown)} values are none of the levels {', '.join(names)}; first {unknown[0]!r}."
        )
    order = np.argsort(np.array(names, dtype=np.str_), kind="stable")
    ordered = np.array(names, dtype=np.str_)[order]
    codes = {name: order[np.searchsorted(ordered, values)] for name, values in columns.items()}
    return codes["reference"].astype(np.int64), codes["test"].astype(np.int64), names


def is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are None or NaN."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values.tolist()], dtype=bool)  # noqa: PLR0124
    return np.zeros(values.shape, dtype=bool)


def as_column(values: Any) -> NDArray[Any]:
    """Values as an array in which a missing one stays missing.

    NumPy makes the text "nan" of a NaN that stands in a list among words; such a list is kept as objects.
    """
    array = np.asarray(values)
    if array.dtype.kind in "US" and not isinstance(values, np.ndarray):
        objects = np.empty(len(array), dtype=object) if array.ndim == 1 else np.asarray(values, dtype=object)
        if array.ndim == 1:
            objects[:] = list(values)
        return objects if any(not isinstance(value, str | bytes) for value in objects.ravel()) else array
    return array


def _flat(name: str, values: ArrayLike) -> NDArray[Any]:
    array = as_column(values)
    if array.ndim != 1:
        raise ValueError(f"`{name}` must be one column of values; its shape is {array.shape}.")
    missing = np.flatnonzero(is_missing(array))
    if missing.size:
        raise ValueError(f"`{name}` holds {missing.size:,} missing values, first at row {missing[0]}.")
    return array


def _several(value: Any) -> list[Any]:
    """One value or a collection of them, as a list."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return [value]
    return list(value)


def _text(values: NDArray[Any]) -> NDArray[np.str_]:
    """Values as text; 1 and 1.0 are the same category."""
    if values.dtype.kind == "O":
        return np.array([_word(value) for value in values.tolist()], dtype=np.str_)
    if values.dtype.kind == "f" and np.all(values == np.round(values)) and np.all(np.abs(values) < 2**53):
        return values.astype(np.int64).astype(np.str_)
    return values.astype(np.str_)


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
