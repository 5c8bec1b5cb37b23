"""Several hypotheses, one error rate: adjusted p values that keep the chance of any false claim.

An adjusted p value is compared with the same alpha as if it were the only one. All procedures here but the
last two of `METHODS` control the familywise error rate; `graphs` has those that are drawn as a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..metric import Citation, FloatArray
from ..result import number
from .methods import DUNN

HOLM = Citation(
    "holm1979",
    "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.",
)
HOCHBERG = Citation(
    "hochberg1988",
    "Hochberg Y. A sharper Bonferroni procedure for multiple tests of significance. "
    "Biometrika 1988;75:800-802.",
)
HOMMEL = Citation(
    "hommel1988",
    "Hommel G. A stagewise rejective multiple test procedure based on a modified Bonferroni test. "
    "Biometrika 1988;75:383-386.",
)
MAURER = Citation(
    "maurer1995",
    "Maurer W, Hothorn LA, Lehmacher W. Multiple comparisons in drug clinical trials and preclinical assays: "
    "a-priori ordered hypotheses. In: Vollmar J (ed). Biometrie in der chemisch-pharmazeutischen Industrie "
    "6. Fischer 1995, 3-18.",
)
BENJAMINI = Citation(
    "benjamini1995",
    "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to "
    "multiple testing. J R Stat Soc B 1995;57:289-300.",
)
YEKUTIELI = Citation(
    "benjamini2001",
    "Benjamini Y, Yekutieli D. The control of the false discovery rate in multiple testing under dependency. "
    "Ann Stat 2001;29:1165-1188.",
)


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p values and what they reject.

    Attributes:
        method: Name of the procedure.
        alpha: The error rate that is kept.
        names: Names of the hypotheses.
        p: The p values as given.
        adjusted: The adjusted ones, in the same order, at most 1.
        citation: Source.
    """

    method: str
    alpha: float
    names: tuple[str, ...]
    p: tuple[float, ...]
    adjusted: tuple[float, ...]
    citation: Citation

    @property
    def rejected(self) -> tuple[bool, ...]:
        """Which hypotheses are rejected: adjusted p at most alpha, up to the rounding of a product."""
        return tuple(value <= self.alpha * (1 + 1e-12) for value in self.adjusted)

    def __str__(self) -> str:
        lines = [f"{self.method} at alpha {number(self.alpha)}"]
        rows = zip(self.names, self.p, self.adjusted, self.rejected, strict=True)
        lines += [
            f"{name}: p = {number(p)}, adjusted {number(adjusted)}, {'rejected' if done else 'not rejected'}"
            for name, p, adjusted, done in rows
        ]
        return "\n".join([*lines, f"Source: {self.citation.text}"])


def adjust(
    p: ArrayLike, *, method: str = "holm", alpha: float = 0.05, names: Sequence[str] | None = None
) -> Adjusted:
    """Adjusted p values of a family of hypotheses.

    - `bonferroni`: m p. Any dependence.
    - `holm` (default): step-down Bonferroni. Any dependence, and never less powerful than `bonferroni`.
    - `hochberg`: step-up; the p values have to be independent or positively dependent (such as endpoints that
      rise together).
    - `hommel`: closed Simes tests; as for `hochberg`, and never less powerful.
    - `fixed_sequence`: hypotheses are tested in the order given, each at the whole alpha, until one is not
      rejected (Maurer 1995). Any dependence; the order has to be fixed before the data are seen.
    - `benjamini_hochberg`, `benjamini_yekutieli`: the false discovery rate, the expected share of false
      claims among the claims; for screening, not for confirming.

    A hypothesis whose test has no value stays in the family, with p = 1: without it the others would be
    judged too leniently.

    Args:
        p: p values, from 0 to 1.
        method: Which procedure.
        alpha: The error rate, for `rejected`; one-sided p values go with a one-sided alpha, usually 0.025.
        names: Names of the hypotheses. Default: H1, H2, ...

    Raises:
        ValueError: No p value, one outside 0 to 1, an unknown method, an alpha outside 0 to 1, or names of
            another number.

    Example:
        `p.adjust(c(0.01, 0.05, 0.03, 0.02), "holm")` in R:

        >>> result = adjust([0.01, 0.05, 0.03, 0.02])
        >>> result.adjusted
        (0.04, 0.06, 0.06, 0.06)
        >>> result.rejected
        (True, False, False, False)
    """
    values = checked_p(p)
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}, not {method!r}.")
    compute, citation = METHODS[method]
    adjusted = np.minimum(compute(values), 1.0)
    return Adjusted(
        method=method.replace("_", " "),
        alpha=checked_alpha(alpha),
        names=checked_names(names, len(values)),
        p=tuple(values.tolist()),
        adjusted=tuple(adjusted.tolist()),
        citation=citation,
    )


def _bonferroni(p: FloatArray) -> FloatArray:
    return len(p) * p


def _stepped(p: FloatArray, factors: FloatArray, *, up: bool) -> FloatArray:
    """Sorted p values times factors, made monotone from the smallest up or from the largest down."""
    order = np.argsort(p, kind="stable")
    scaled = p[order] * factors
    running = np.minimum.accumulate(scaled[::-1])[::-1] if up else np.maximum.accumulate(scaled)
    result = np.empty(len(p))
    result[order] = running
    return result


def _holm(p: FloatArray) -> FloatArray:
    return _stepped(p, np.arange(len(p), 0, -1.0), up=False)


def _hochberg(p: FloatArray) -> FloatArray:
    return _stepped(p, np.arange(len(p), 0, -1.0), up=True)


def _hommel(p: FloatArray) -> FloatArray:
    """For every size of an intersection, the Simes p of the largest p values and of each smaller one.

    Wright SP. Biometrics 1992;48:1005-1013, appendix.
    """
    m = len(p)
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    result = ordered.copy()
    for size in range(m, 1, -1):
        largest = ordered[m - size + 1 :]
        simes = float(np.min(size * largest / np.arange(2, size + 1)))
        low = np.minimum(size * ordered, simes)
        result[m - size + 1 :] = np.maximum(result[m - size + 1 :], simes)
        result[: m - size + 1] = np.maximum(result[: m - size + 1], low[: m - size + 1])
    back = np.empty(m)
    back[order] = result
    return back


def _fixed_sequence(p: FloatArray) -> FloatArray:
    return np.asarray(np.maximum.accumulate(p))


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    return _stepped(p, len(p) / np.arange(1.0, len(p) + 1), up=True)


def _benjamini_yekutieli(p: FloatArray) -> FloatArray:
    return _benjamini_hochberg(p) * float((1 / np.arange(1.0, len(p) + 1)).sum())


METHODS: dict[str, tuple[Callable[[FloatArray], FloatArray], Citation]] = {
    "bonferroni": (_bonferroni, DUNN),
    "holm": (_holm, HOLM),
    "hochberg": (_hochberg, HOCHBERG),
    "hommel": (_hommel, HOMMEL),
    "fixed_sequence": (_fixed_sequence, MAURER),
    "benjamini_hochberg": (_benjamini_hochberg, BENJAMINI),
    "benjamini_yekutieli": (_benjamini_yekutieli, YEKUTIELI),
}
"""Procedures by name."""


def checked_p(p: ArrayLike) -> FloatArray:
    """The p values as one column of numbers from 0 to 1.

    Raises:
        ValueError: There is none, or one is no such number.
    """
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`p` must be one column of p values; its shape is {values.shape}.")
    bad = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(bad):
        raise ValueError(f"`p` must hold numbers from 0 to 1; number {bad[0] + 1} is {values[bad[0]]!r}.")
    return values


def checked_alpha(alpha: float) -> float:
    """An error rate between 0 and 1.

    Raises:
        ValueError: It is not.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` must lie between 0 and 1, not {alpha!r}.")
    return float(alpha)


def checked_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """As many different names as there are hypotheses; H1, H2, ... where none are given.

    Raises:
        ValueError: Another number of them, or one twice.
    """
    found = tuple(f"H{i + 1}" for i in range(count)) if names is None else tuple(str(name) for name in names)
    if len(found) != count or len(set(found)) != count:
        raise ValueError(f"`names` must hold {count} different names; it holds {len(set(found))}.")
    return found
