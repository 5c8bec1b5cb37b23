"""May subgroups of different subjects (sites) be pooled? A test with a value where one makes no errors."""

from __future__ import annotations

from collections.abc import Mapping

from ..metric import CannotComputeError, FloatArray, Prepared
from ..proportions.proportion import ProportionPrepared
from .clustered_homogeneity import homogeneity_of_clustered_proportions
from .heterogeneity import TooManyTablesError, homogeneity_of_means, homogeneity_of_proportions
from .results import HypothesisTest
from .subgroups import Subgroups, subgroup_heterogeneity


def poolability(found: Subgroups, *, statistic: str | None = None) -> HypothesisTest:
    """Test that a statistic is the same in subgroups of different subjects, such as the sites of a study.

    Which test is fixed by what is tested and not by its outcome:

    - A proportion of units that count alike, one a subject: Fisher's exact test in its form for several
      groups (Freeman & Halton 1951); Pearson's chi-square where there are too many tables.
    - The same with several units a subject: chi-square adjusted for clusters (Donner 1989), whose variance is
      that of the pooled proportion.
    - The mean of the subjects' shares of several units: analysis of variance of the shares, with one variance
      for all sites (Fisher 1925).
    - Any other statistic: Welch's F of the estimates, each with the variance of its own subjects
      (`subgroup_heterogeneity`).

    For proportions the last has no value where a site makes no errors, since its subjects do not differ; with
    a sensitivity near 1 that is common. The others need the variance of all sites together only.

    Args:
        found: From `subgroups`, of subgroups without a common subject.
        statistic: Which statistic. Default: the metric's headline.

    Raises:
        CannotComputeError: Fewer than two subgroups; a subgroup without a value; all units are events, or
            none is; or what `subgroup_heterogeneity` says of other statistics.
        KeyError: No such statistic.

    Example:
        Site a makes no errors in ten subjects, site b three; `fisher.test` in R.

        >>> from accordance.evaluators import subgroups
        >>> site = subgroups(
        ...     "sensitivity", [1] * 20, [1] * 10 + [0] * 3 + [1] * 7, ["a"] * 10 + ["b"] * 10, positive=1
        ... )
        >>> round(poolability(site).p_value, 4)
        0.2105
    """
    name = found.metric.statistic(statistic or found.metric.headline).name
    shares = _shares(found.prepared)
    if shares is not None:
        values = [share for own in shares.values() for share in own]
        labels = [label for label, own in shares.items() for _ in own]
        return homogeneity_of_means(values, labels, method="anova")
    parts = _counted(found.prepared)
    if parts is None:
        return subgroup_heterogeneity(found, statistic=name)
    if len(parts) < 2:
        raise CannotComputeError("At least two subgroups are needed.")
    for label, counts in parts.items():
        if not len(counts):
            raise CannotComputeError(
                f"Subgroup {label} has no value: {found.prepared[label].reason_undefined(name)}"
            )
    if max(float(counts[:, 1].max()) for counts in parts.values()) > 1:
        return homogeneity_of_clustered_proportions(
            [one for counts in parts.values() for one in counts[:, 0]],
            [one for counts in parts.values() for one in counts[:, 1]],
            [label for label, counts in parts.items() for _ in counts],
        )
    events, units = zip(*(counts.sum(axis=0).tolist() for counts in parts.values()), strict=True)
    try:
        return homogeneity_of_proportions(events, units, method="exact")
    except TooManyTablesError:
        return homogeneity_of_proportions(events, units, method="pearson")


def _counted(prepared: Mapping[str, Prepared]) -> dict[str, FloatArray] | None:
    """(k, 2) events and units of each subgroup's subjects; None where the statistic is no plain share."""
    found = {}
    for label, part in prepared.items():
        if not isinstance(part, ProportionPrepared) or part.weighted:
            return None
        found[label] = part.totals[part.active, -2:]
    return found


def _shares(prepared: Mapping[str, Prepared]) -> dict[str, FloatArray] | None:
    """(k,) each subject's own share, where its mean is the statistic and a subject has several units."""
    counted = _counted(prepared)
    averages = {getattr(part, "average", None) for part in prepared.values()}
    if counted is None or averages != {"subject_mean"}:
        return None
    if not any(len(counts) and float(counts[:, 1].max()) > 1 for counts in counted.values()):
        return None
    return {label: counts[:, 0] / counts[:, 1] for label, counts in counted.items()}
