"""McNemar's test of two proportions on the same units, and its relatives for units clustered in subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import special

from ..metric import CannotComputeError, Citation
from .paired_counts import ClusteredPairs, PairedCounts
from .results import HypothesisTest

Method = Literal["exact", "mid_p", "asymptotic", "continuity"]
Clustered = Literal["obuchowski", "durkalski", "yang", "eliasziw_donner"]

MCNEMAR = Citation(
    "mcnemar1947",
    "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages. "
    "Psychometrika 1947;12:153-157.",
)
EDWARDS = Citation(
    "edwards1948",
    'Edwards AL. Note on the "correction for continuity" in testing the significance of the difference '
    "between correlated proportions. Psychometrika 1948;13:185-187.",
)
FAGERLAND = Citation(
    "fagerland2013",
    "Fagerland MW, Lydersen S, Laake P. The McNemar test for binary matched-pairs data: mid-p and asymptotic "
    "are better than exact conditional. BMC Med Res Methodol 2013;13:91.",
)
OBUCHOWSKI = Citation(
    "obuchowski1998",
    "Obuchowski NA. On the comparison of correlated proportions for clustered data. "
    "Stat Med 1998;17:1495-1507.",
)
DURKALSKI = Citation(
    "durkalski2003",
    "Durkalski VL, Palesch YY, Lipsitz SR, Rust PF. Analysis of clustered matched-pair data. "
    "Stat Med 2003;22:2417-2428.",
)
YANG = Citation(
    "yang2010",
    "Yang Z, Sun X, Hardin JW. A note on the tests for clustered matched-pair binary data. "
    "Biom J 2010;52:638-652.",
)
ELIASZIW = Citation(
    "eliasziw1991",
    "Eliasziw M, Donner A. Application of the McNemar test to non-independent matched pair data. "
    "Stat Med 1991;10:1981-1991.",
)

_HYPOTHESIS = "candidate and baseline have the same proportion"
_FEW = 20


def mcnemar(counts: PairedCounts, *, method: Method = "mid_p") -> HypothesisTest:
    """McNemar's test: are units on which only one version succeeds as often the one's as the other's?

    With b units on which only the candidate succeeds, c only the baseline, and n = b + c:

    - `exact`: two-sided binomial test of b in n at 1/2; twice the smaller tail, at most 1.
    - `mid_p` (default; Fagerland 2013 recommend it): the exact p less the probability of the observed b,
      2 P(X <= min) - P(X = b). At b = c it is 1 - P(X = b) / 2, as Fagerland define it; some programs double
      a one-sided mid-P there and get 1.
    - `asymptotic`: (b - c)^2 / n, chi-square with 1 df (McNemar 1947).
    - `continuity`: (|b - c| - 1)^2 / n (Edwards 1948); conservative, for comparison with older reports.

    Without discordant units (n = 0) there is no evidence against equality: `exact` and `mid_p` give p = 1 (a
    literal mid-P would be 0.5, as one R package prints); the other two have no value.

    Args:
        counts: The four cells, from `paired_counts` or written down.
        method: Which test.

    Raises:
        CannotComputeError: No units; or no discordant units, with `asymptotic` or `continuity`.
        ValueError: An unknown method.

    Example:
        Bentur 2009, in Fagerland 2013: p = 0.039 by mid-P, 0.070 exact.

        >>> counts = PairedCounts(both=1, candidate_only=7, baseline_only=1, neither=12)
        >>> mcnemar(counts).p_value, mcnemar(counts, method="exact").p_value
        (0.0390625, 0.0703125)
    """
    if method not in _TESTS:
        raise ValueError(f"`method` must be one of {', '.join(_TESTS)}, not {method!r}.")
    if counts.n == 0:
        raise CannotComputeError("There are no units.")
    name, source, compute = _TESTS[method]
    statistic, p = compute(counts.candidate_only, counts.baseline_only)
    return HypothesisTest(
        test=f"McNemar, {name}",
        hypothesis=_HYPOTHESIS,
        p_value=p,
        statistic=statistic,
        distribution="binomial, one half" if statistic is None else "chi-square, 1 df",
        n=counts.n,
        counted="pairs",
        details={"candidate only": counts.candidate_only, "baseline only": counts.baseline_only},
        citations=(source,),
    )


def clustered_mcnemar(pairs: ClusteredPairs, *, method: Clustered = "obuchowski") -> HypothesisTest:
    """Test of two proportions on the same units where the units of a subject are not independent.

    With d_k = candidate only - baseline only of subject k, n_k its units, K subjects:

    - `obuchowski` (default): (sum d_k)^2 / (K / (K - 1) sum d_k^2), the difference of pooled proportions over
      its variance with subjects as clusters, under the null hypothesis (Obuchowski 1998).
    - `durkalski`: (sum d_k / n_k)^2 / sum (d_k / n_k)^2: every subject counts once, however many units it has
      (Durkalski 2003); another null hypothesis where effects differ with cluster size.
    - `yang`: as `obuchowski`, with the mean of the variances with and without the null hypothesis; the second
      is K / (K - 1) sum (d_k - n_k m)^2, m the mean difference of a unit (Yang, Sun & Hardin 2010).
    - `eliasziw_donner`: McNemar's statistic over 1 + (c - 1) r, with c = sum s_k^2 / sum s_k, s_k the
      discordant units of a subject, and r the correlation of two of them, from the intraclass correlation of
      the four cells (Eliasziw & Donner 1991). It takes one correlation for all subjects, where the others
      take the variance from the subjects' differences. An estimate below 0 counts as 0: McNemar's test.

    All are chi-square with 1 df for many subjects. With one unit a subject, `durkalski` is McNemar's
    asymptotic test. An interval of the difference for such data: `compare_versions`.

    Args:
        pairs: Cells of each subject, from `clustered_pairs` or `clustered_cells`.
        method: Which test.

    Raises:
        CannotComputeError: Fewer than two subjects, or no subject with a difference; with `eliasziw_donner`,
            all units in one cell.
        ValueError: An unknown method.

    Example:
        >>> from accordance.evaluators.comparison.paired_counts import clustered_cells
        >>> cells = clustered_cells([[3, 2, 0, 0], [2, 1, 0, 1], [4, 1, 1, 0], [1, 2, 0, 2], [2, 0, 1, 1]])
        >>> result = clustered_mcnemar(cells)
        >>> round(result.statistic, 4), round(result.p_value, 4)
        (1.28, 0.2579)
    """
    if method not in _SOURCES:
        raise ValueError(f"`method` must be one of {', '.join(_SOURCES)}, not {method!r}.")
    subjects = len(pairs.cells)
    if subjects < 2:
        raise CannotComputeError("A clustered test needs at least two subjects.")
    if not np.any(pairs.discordance):
        raise CannotComputeError("No subject has a difference between the versions, so there is no test.")
    statistic, details = (_eliasziw if method == "eliasziw_donner" else _robust)(pairs, method)
    few = f"The chi-square distribution is approximate, and there are only {subjects} subjects."
    return HypothesisTest(
        test=f"Clustered McNemar, {_TITLES.get(method, method.capitalize())}",
        hypothesis=_HYPOTHESIS,
        p_value=float(special.chdtrc(1, statistic)),
        statistic=statistic,
        distribution="chi-square, 1 df",
        n=subjects,
        counted="subjects",
        details={"units": int(pairs.n.sum()), "discordance": int(pairs.discordance.sum()), **details},
        warning=few if subjects < _FEW else None,
        citations=(_SOURCES[method],),
    )


def _robust(pairs: ClusteredPairs, method: str) -> tuple[float, dict[str, float]]:
    """The variance from the subjects' differences, whatever the correlation."""
    d, n = pairs.discordance, pairs.n
    subjects = len(d)
    if method == "durkalski":
        d = d / n
    spread = float(np.square(d).sum())
    if method == "yang":
        spread = (spread + float(np.square(d - n * d.sum() / n.sum()).sum())) / 2
    if method != "durkalski":
        spread *= subjects / (subjects - 1)
    return float(d.sum() ** 2 / spread), {}


def _eliasziw(pairs: ClusteredPairs, _: str) -> tuple[float, dict[str, float]]:
    cells, n = pairs.cells, pairs.n
    discordant = cells[:, 1] + cells[:, 2]
    total, change = float(discordant.sum()), float(pairs.discordance.sum())
    size = float(np.square(discordant).sum()) / total
    correlation = 0.0
    if np.any(n > 1):
        k, mean = len(n), float(n.mean())
        shares = cells.sum(axis=0) / n.sum()
        between = float((np.square(cells - n[:, None] * shares) / n[:, None]).sum()) / k
        within = float((cells * (n[:, None] - cells) / n[:, None]).sum()) / (k * (mean - 1))
        if between + within == 0:
            raise CannotComputeError("All units fall into one cell; how alike a subject's are is unknown.")
        usual = mean - float(np.square(n - mean).sum()) / (k * (k - 1) * mean)
        common = max(between - within, 0.0) / (between + (usual - 1) * within)
        # of discordant units: the four cells' correlation, given that both units are discordant
        correlation = common / (common + (shares[1] + shares[2]) * (1 - common)) if common > 0 else 0.0
    inflation = 1 + (size - 1) * correlation
    return change**2 / total / inflation, {"correlation": float(correlation), "inflation": float(inflation)}


def _tail(b: int, c: int) -> tuple[float, float]:
    """P(X <= min(b, c)) and P(X = b) of X binomial(b + c, 1/2)."""
    n, low = b + c, min(b, c)
    at_most = _at_most(low, n)
    log_point = special.gammaln(n + 1) - special.gammaln(b + 1) - special.gammaln(c + 1) - n * np.log(2)
    before = _at_most(low - 1, n) if low > 0 else 0.0
    point = at_most - before if at_most > 0 and before < 0.9 * at_most else float(np.exp(log_point))
    return at_most, point


def _at_most(k: int, n: int) -> float:
    """P(X <= k) of X binomial(n, 1/2), k < n or both 0; `special.bdtr` has no value from n = 2^31 on."""
    return float(special.betainc(n - k, k + 1, 0.5)) if n > k else 1.0


def _exact(b: int, c: int) -> tuple[None, float]:
    return None, min(1.0, 2 * _tail(b, c)[0])


def _mid_p(b: int, c: int) -> tuple[None, float]:
    if b + c == 0:
        return None, 1.0
    at_most, point = _tail(b, c)
    return None, 1 - point / 2 if b == c else 2 * at_most - point


def _asymptotic(b: int, c: int) -> tuple[float, float]:
    return _chi_square(float((b - c) ** 2), b + c)


def _continuity(b: int, c: int) -> tuple[float, float]:
    return _chi_square(float(max(abs(b - c) - 1, 0) ** 2), b + c)


def _chi_square(numerator: float, discordant: int) -> tuple[float, float]:
    if discordant == 0:
        raise CannotComputeError("No unit is discordant; the asymptotic test has no value (exact: p = 1).")
    statistic = numerator / discordant
    return statistic, float(special.chdtrc(1, statistic))


_SOURCES = {"obuchowski": OBUCHOWSKI, "durkalski": DURKALSKI, "yang": YANG, "eliasziw_donner": ELIASZIW}
_TITLES = {"eliasziw_donner": "Eliasziw-Donner"}
_TESTS: dict[str, tuple[str, Citation, Callable[[int, int], tuple[float | None, float]]]] = {
    "exact": ("exact", FAGERLAND, _exact),
    "mid_p": ("mid-P", FAGERLAND, _mid_p),
    "asymptotic": ("asymptotic", MCNEMAR, _asymptotic),
    "continuity": ("asymptotic with continuity correction", EDWARDS, _continuity),
}
