"""Prepared metrics as bytes, so that what was prepared from many rows need not be prepared again.

The bytes are a pickle that may name nothing but this package's own metrics and NumPy's arrays: reading them
can run no other code, whoever has written them.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from .metric import Prepared

_PACKAGE = __name__.rpartition(".")[0]
_NUMPY = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("functools", "partial"),
    }
)


class FrozenError(ValueError):
    """Bytes that are no prepared metric."""


def freeze(prepared: Prepared) -> bytes | None:
    """A prepared metric as bytes; None where it holds what cannot be written, such as a local function.

    Example:
        >>> import numpy as np
        >>> from accordance.evaluators import registry
        >>> from accordance.evaluators.metric import Columns
        >>> columns = Columns(np.arange(4.0), np.arange(4.0) + 0.5, np.array([0, 2, 4]))
        >>> prepared = registry.get("mae").prepare(columns, average="pooled")
        >>> thaw(freeze(prepared)).estimate()
        array([0.5])
    """
    try:
        data = pickle.dumps(prepared, protocol=5)
        thaw(data)
    except (pickle.PicklingError, AttributeError, TypeError, FrozenError):
        return None
    return data


def thaw(data: bytes | None) -> Prepared:
    """The prepared metric that `freeze` wrote.

    Raises:
        FrozenError: The bytes are not that, or name something that has no place in it.
    """
    try:
        found = _Reader(io.BytesIO(data or b"")).load()
    except FrozenError:
        raise
    except Exception as error:
        raise FrozenError(f"not a prepared metric: {error}") from error
    if not isinstance(found, Prepared):
        raise FrozenError(f"not a prepared metric but {type(found).__name__}")
    return found


class _Reader(pickle.Unpickler):
    """An unpickler that knows this package's metrics and NumPy's arrays."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for, where it may be named."""
        inside = module.startswith(f"{_PACKAGE}.") and "." not in name
        if not inside and (module, name) not in _NUMPY:
            raise FrozenError(f"`{module}.{name}` has no place in a prepared metric")
        found = super().find_class(module, name)
        if inside and not str(getattr(found, "__module__", "")).startswith(f"{_PACKAGE}."):
            # what the package's modules have imported is none of it
            raise FrozenError(f"`{module}.{name}` has no place in a prepared metric")
        return found
