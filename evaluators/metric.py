"""What a metric is: prepared once from rows, then evaluated at any vector of subject weights.

Subjects are the independent units of a validation study; rows (epochs, beats, windows, nights) within a
subject are not. A metric therefore touches the rows once, in `Metric.prepare`, and everything after that
(the estimate, the jackknife, the bootstrap, a subgroup of subjects) is `Prepared.at` with other weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Kind = Literal["measurement", "binary", "categorical", "score"]
Route = Literal["additive", "ordered", "refit"]
Better = Literal["higher", "lower", "near_zero", "none"]
Average = Literal["pooled", "subject_mean"]
Sides = Literal["two", "lower", "upper"]
Unit = Literal["same", "per_reference", "percent", "proportion", "none"]

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()
"""Default of a parameter that the caller has to give."""


_Named = TypeVar("_Named", "Parameter", "Statistic")


class CannotComputeError(ValueError):
    """A statistic or an interval has no value for these data; the message says why.

    It becomes a visible row with its reason in the results, never a silent NaN and never a stopped study.
    """


@dataclass(frozen=True)
class Parameter:
    """One keyword-only option of a metric, as the protocol language and the docs see it.

    Attributes:
        name: The keyword.
        kind: `number`, `integer`, `text`, `choice`, or `tolerance` (such as `max(5, 0.1*ref)`).
        doc: What it means, its unit, and why the default is what it is.
        default: The value when none is given; `REQUIRED` where the protocol must decide.
        choices: Accepted words of a `choice`.
        minimum: Smallest accepted number, inclusive.
        maximum: Largest accepted number, inclusive.
    """

    name: str
    kind: Literal["number", "integer", "text", "choice", "tolerance"]
    doc: str
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class ColumnRole:
    """A column that a metric takes beside reference and test.

    Attributes:
        name: The part it plays, such as `condition` or `covariate`.
        kind: `category`: names groups; `rating`: categories of the reference, by another rater; `number`.
        doc: What it is, for protocols and docs.
        several: Whether more than one column may play the part.
        needed: Whether a protocol has to name a column for it.
    """

    name: str
    kind: Literal["category", "rating", "number"]
    doc: str
    several: bool = False
    needed: bool = True


@dataclass(frozen=True)
class Statistic:
    """One number that a metric yields.

    Attributes:
        name: Identifier in protocols and results, such as `loa_upper`.
        title: Words for a report, such as "Upper limit of agreement".
        definition: One sentence that fixes which variant it is, for the report's methods section.
        unit: `same` as the measurement, `per_reference` (events per unit of the reference column, of which
            the parameter `per` says how many), `percent`, `proportion` (0 to 1), or `none`.
        better: The direction that is good for the device.
        intervals: Interval methods it can supply (keys of `intervals.METHODS`), best default first.
    """

    name: str
    title: str
    definition: str
    unit: Unit
    better: Better
    intervals: tuple[str, ...]


@dataclass(frozen=True)
class Citation:
    """A source: who, when, what, where."""

    key: str
    text: str


@dataclass(frozen=True)
class Interval:
    """An interval for one statistic.

    A one-sided interval (`sides` is `lower` or `upper`) has an infinite other end. `mc_error` is the
    Monte-Carlo standard error of each finite bound of a resampling interval, as (lower, upper).
    `degenerate` marks a resampling interval whose replicates never differ: it may never support a decision.
    `independent_rows` says that the method takes rows for independent; it may not decide where a subject has
    several units. `undefined_share` is the share of replicates in which the statistic had no value.
    """

    lower: float
    upper: float
    level: float
    sides: Sides
    method: str
    mc_error: tuple[float, float] | None = None
    degenerate: bool = False
    independent_rows: bool = False
    undefined_share: float = 0.0
    warning: str | None = None


@dataclass(frozen=True)
class Counts:
    """What a statistic rests on: contributing subjects and units (rows), and events among the units.

    For a proportion, `n_events` of `n_units` is the fraction itself (true positives among reference
    positives, for sensitivity). For a measurement `n_events` is None.
    """

    n_subjects: int
    n_units: int
    n_events: int | None = None


class Prepared(ABC):
    """A metric's small summary of the rows, subject by subject, ready for any subject weights."""

    statistics: tuple[str, ...]
    n_subjects: int

    @abstractmethod
    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector.

        Args:
            weights: (B, S) non-negative weights, one column a subject in prepared order.
            relative: False: weights are frequencies (a 2 is the subject twice). True: only their ratios
                matter; degrees of freedom come from the effective number, (sum w)^2 / sum w^2.

        Returns:
            (B, k) estimates, NaN where undefined.
        """

    @abstractmethod
    def counts(self, statistic: str) -> Counts:
        """Subjects, units and events behind a statistic, at weights of one."""

    @abstractmethod
    def reason_undefined(self, statistic: str) -> str:
        """Why the statistic has no value at weights of one, for the reader of the results."""

    @abstractmethod
    def standard_error(self, statistic: str) -> float:
        """Standard error that knows the subjects (linearised, or of the named model); NaN where undefined."""

    @abstractmethod
    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """An analytic interval.

        Raises:
            CannotComputeError: These data do not support it; the message says why.
        """

    def warning(self, statistic: str) -> str | None:
        """What the reader of this statistic should know (a truncated variance component), or None."""
        del statistic
        return None

    def jackknife(self) -> FloatArray:
        """(J, k) estimates with one subject left out each; subjects without rows may be passed over."""
        everyone = np.ones(self.n_subjects)
        result = np.empty((self.n_subjects, len(self.statistics)))
        for i in range(self.n_subjects):
            everyone[i] = 0
            result[i] = self.at(everyone[None, :])[0]
            everyone[i] = 1
        return result

    def estimate(self) -> FloatArray:
        """(k,) estimates at weights of one."""
        values: FloatArray = self.at(np.ones((1, self.n_subjects)))[0]
        return values


@dataclass(frozen=True)
class Columns:
    """The rows of one slice, sorted by subject, as NumPy arrays.

    Attributes:
        reference: (n,) reference values: float64 measurements, or int64 codes (binary and score: 1 positive
            and 0 negative; categorical: index into `levels`).
        test: (n,) values of the index test, likewise; for the kind `score` float64 numbers.
        offsets: (S + 1,) start of each subject's rows; subjects without rows repeat an offset.
        levels: Names of the categories, in declared order; empty for measurements.
        weights: (n,) row weights or None. Only their ratios matter.
        roles: Part -> (n,) or, where several columns play it, (n, k) values of the metric's further columns:
            int64 codes of a category (-1: none), float64 numbers (NaN: none).
        role_levels: Part -> names of the categories of a role of kind `category`.
    """

    reference: NDArray[Any]
    test: NDArray[Any]
    offsets: IntArray
    levels: tuple[str, ...] = ()
    weights: FloatArray | None = None
    roles: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    role_levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def n_subjects(self) -> int:
        """Number of subjects, those without rows included."""
        return len(self.offsets) - 1

    @cached_property
    def shared(self) -> dict[str, Any]:
        """Summaries of these rows that several metrics rest on, by name; whoever needs one first makes it.

        They live as long as the rows and are never changed, for the rows are not.
        """
        return {}


class Metric(ABC):
    """A metric as protocols, reports and plug-ins see it. Stateless; one instance serves every use."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    kind: ClassVar[Kind]
    route: ClassVar[Route]
    statistics: ClassVar[tuple[Statistic, ...]]
    headline: ClassVar[str]
    """The statistic a criterion means when it names none."""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    columns: ClassVar[tuple[ColumnRole, ...]] = ()
    """Further columns."""
    one_unit: ClassVar[bool] = True
    """Whether reference and test of a measurement are in one unit, so that their difference has a meaning."""
    averages: ClassVar[tuple[Average, ...]] = ("pooled",)
    """More than one: they differ in meaning, and the protocol has to say which."""
    citations: ClassVar[tuple[Citation, ...]] = ()
    figure: ClassVar[Literal["bland_altman", "confusion", "scatter", "none"]] = "none"

    @abstractmethod
    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> Prepared:
        """Summarise the rows once.

        Raises:
            ValueError: A parameter or a column is not acceptable (NaN, infinities, codes outside `levels`).
        """

    def restricted(self, whole: Prepared, chosen: NDArray[np.bool_]) -> Prepared | None:
        """What `prepare` makes of the rows of some subjects alone, from what it made of all rows.

        Args:
            whole: The summary of all rows.
            chosen: (S,) the subjects, of those of the summary.

        Returns:
            The summary; None where it takes the rows, as it does unless a metric says otherwise.
        """
        del whole, chosen
        return None

    def of_levels(self, levels: Mapping[str, tuple[str, ...]]) -> Metric:
        """The metric for stated categories of its roles, where its statistics depend on them.

        Args:
            levels: Part -> declared categories, of the roles of kind `category`.
        """
        del levels
        return self

    def statistic(self, name: str) -> Statistic:
        """The declared statistic of that name; KeyError otherwise."""
        return next_or_key_error(self.statistics, name)

    def parameter(self, name: str) -> Parameter:
        """The declared parameter of that name; KeyError otherwise."""
        return next_or_key_error(self.parameters, name)


def next_or_key_error(items: Sequence[_Named], name: str) -> _Named:
    """First item with that name."""
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


@dataclass(frozen=True)
class Estimate:
    """One statistic with everything needed to print, judge or question it.

    This is what plain functions return (inside a `MetricResult`) and what a study writes as a row.
    Where `value` is NaN, `error` says why; where there is a value without an interval, `error` says why that
    is missing ("No interval: ...").
    """

    statistic: Statistic
    value: float
    standard_error: float
    interval: Interval | None
    counts: Counts
    warning: str | None = None
    error: str | None = None

    def __str__(self) -> str:
        from .result import estimate_text  # noqa: PLC0415  (rendering imports this module)

        return estimate_text(self)


@dataclass(frozen=True)
class MetricResult(Mapping[str, Estimate]):
    """The labelled result of a metric function: estimates by name, with parameters and sources."""

    metric: str
    title: str
    average: Average
    parameters: Mapping[str, Any]
    estimates: Mapping[str, Estimate]
    citations: tuple[Citation, ...] = field(default=())

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    def __iter__(self) -> Any:
        return iter(self.estimates)

    def __len__(self) -> int:
        return len(self.estimates)

    def __str__(self) -> str:
        from .result import text  # noqa: PLC0415  (rendering imports this module)

        return text(self)

    def _repr_html_(self) -> str:
        from .result import html  # noqa: PLC0415

        return html(self)
