"""A linear mixed model with one random intercept, fitted exactly by its profile likelihood.

d_ij = x_ij' beta + u_i + e_ij with u_i ~ N(0, between) and e_ij ~ N(0, within). A subject enters through a
few sums only, and the likelihood depends on one number, the ratio of the variances: fitting is a search on a
line, done for many vectors of subject weights at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..additive import subject_sums
from ..metric import FloatArray, IntArray

_BLOCK = 512  # weight vectors at a time, fixed, so that no number depends on how many are asked for
_GRID = np.concatenate([[0.0], np.logspace(-5, 15, 61)])  # ratios between / within to start from
_HALVINGS = 60
_NOTHING = 1e-14  # share of the whole sum of squares below which the within-subject part is rounding


@dataclass(frozen=True)
class Fit:
    """Estimates at each of B weight vectors; NaN where the model has none.

    Attributes:
        beta: (B, p) fixed effects.
        between: (B,) variance between subjects; 0 where the likelihood is largest at the boundary.
        within: (B,) variance within subjects.
        covariance: (B, p, p) model covariance of the fixed effects.
        log_likelihood: (B,) restricted or full, as in other software.
    """

    beta: FloatArray
    between: FloatArray
    within: FloatArray
    covariance: FloatArray
    log_likelihood: FloatArray


@dataclass(frozen=True, eq=False)
class InterceptModel:
    """Subject sums of the design and the response.

    Attributes:
        units: (S,) rows of each subject.
        cross: (S, q, q) cross-products of (x, y) about the subject's own means, q = p + 1.
        sums: (S, q) sums of (x, y).
        reml: Restricted maximum likelihood; else maximum likelihood.
    """

    units: IntArray
    cross: FloatArray
    sums: FloatArray
    reml: bool
    sizes: FloatArray = field(init=False)
    members: tuple[IntArray, ...] = field(init=False)

    def __post_init__(self) -> None:
        sizes = np.unique(self.units[self.units > 0])
        object.__setattr__(self, "sizes", sizes.astype(np.float64))
        object.__setattr__(self, "members", tuple(np.flatnonzero(self.units == size) for size in sizes))

    @classmethod
    def of(cls, design: FloatArray, response: FloatArray, offsets: IntArray, *, reml: bool) -> InterceptModel:
        """From rows sorted by subject: (n, p) design and (n,) response."""
        z = np.column_stack([design, response])
        q = z.shape[1]
        sums = np.column_stack([subject_sums(z[:, i], offsets) for i in range(q)])
        units = np.diff(offsets)
        own = z - np.repeat(sums / np.maximum(units, 1)[:, None], units, axis=0)
        products = [subject_sums(own[:, i] * own[:, j], offsets) for i in range(q) for j in range(q)]
        cross = np.stack(products, axis=-1).reshape(len(offsets) - 1, q, q)
        return cls(units.astype(np.int64), cross, sums, reml)

    def fit(self, weights: FloatArray) -> Fit:
        """The model at every weight vector; a whole-number weight makes so many subjects of one."""
        parts = [self._fit(weights[i : i + _BLOCK]) for i in range(0, len(weights), _BLOCK)]
        names = Fit.__dataclass_fields__
        return Fit(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def _fit(self, weights: FloatArray) -> Fit:
        return self._solved(_Weighted.of(self, weights))

    def _solved(self, part: _Weighted) -> Fit:
        ratio = part.best()
        with np.errstate(all="ignore"):
            moments, inverse, beta, rest = part.at(ratio)
            n = part.n - part.p if self.reml else part.n
            within = rest / n
            # an exact fit of the design leaves rounding, of either sign, in place of a variance
            bad = ~(part.defined & (rest > _NOTHING * moments[:, -1, -1]))
            deviance = n * (1 + np.log(2 * np.pi * within)) + part.log_blocks(ratio)
            if self.reml:
                deviance = deviance + _log_det(moments[:, :-1, :-1])
        lost = np.where(bad, np.nan, 1.0)
        return Fit(
            beta * lost[:, None],
            ratio * within * lost,
            within * lost,
            inverse * (within * lost)[:, None, None],
            -0.5 * deviance * lost,
        )

    def information(self, between: float, within: float, weights: FloatArray | None = None) -> FloatArray:
        """(2, 2) Hessian of -2 log likelihood in (between, within) at one (S,) vector of weights, or ones."""
        part = self._once(weights)
        start = np.array([between, within])

        def gradient(point: FloatArray) -> FloatArray:
            found = []
            for k in range(2):
                step = np.zeros(2, dtype=np.complex128)
                step[k] = 1e-30j * within
                found.append(float(np.imag(part.deviance(point + step))) / (1e-30 * within))
            return np.array(found)

        step = 1e-5 * max(min(between, within), 1e-3 * within)
        columns = []
        for k in range(2):
            move = np.zeros(2)
            move[k] = step
            columns.append((gradient(start + move) - gradient(start - move)) / (2 * step))
        hessian = np.array(columns)
        return np.asarray((hessian + hessian.T) / 2)

    def variance_gradient(
        self, between: float, within: float, contrast: FloatArray, weights: FloatArray | None = None
    ) -> FloatArray:
        """(2,) derivatives of the model variance of `contrast` @ beta in (between, within)."""
        part = self._once(weights)
        found = []
        for k in range(2):
            point = np.array([between, within], dtype=np.complex128)
            point[k] += 1e-30j * within
            inverse = np.linalg.inv(part.precision(point)[:-1, :-1])
            found.append(float(np.imag(contrast @ inverse @ contrast)) / (1e-30 * within))
        return np.array(found)

    def simulated(self, fit: Fit, replicates: int, seed: int) -> Fit:
        """The model fitted again to studies simulated from a fit, for a design of an intercept only.

        Random bits come from the raw stream of PCG64, which NumPy guarantees not to change, through the
        inverse distribution functions; a study is drawn as its subjects' sums.
        """
        bits, parts = np.random.PCG64(seed), []
        for start in range(0, replicates, _BLOCK):
            part = self._drawn(fit, min(_BLOCK, replicates - start), bits)
            parts.append(self._solved(part))
        names = Fit.__dataclass_fields__
        return Fit(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def _drawn(self, fit: Fit, count: int, bits: np.random.PCG64) -> _Weighted:
        active = self.units > 0
        n = self.units[active].astype(np.float64)
        spread = np.sqrt(np.square(n) * fit.between[0] + n * fit.within[0])
        sums = n * fit.beta[0, 0] + spread * special.ndtri(_uniform(bits, (count, len(n))))
        spare = float(n.sum()) - len(n)
        within = np.zeros((count, 2, 2))
        within[:, 1, 1] = fit.within[0] * special.chdtri(spare, _uniform(bits, (count, 1)))[:, 0]
        blocks = np.empty((count, len(self.sizes), 2, 2))
        for k, size in enumerate(self.sizes):
            own = sums[:, n == size]
            blocks[:, k, 0, 0] = size**2 * own.shape[1]
            blocks[:, k, 0, 1] = blocks[:, k, 1, 0] = size * own.sum(axis=1)
            blocks[:, k, 1, 1] = np.square(own).sum(axis=1)
        counts = np.array([[np.count_nonzero(n == size) for size in self.sizes]], dtype=np.float64)
        return _Weighted(1, self.reml, self.sizes, np.repeat(counts, count, axis=0), within, blocks)

    def _once(self, weights: FloatArray | None) -> _Weighted:
        return _Weighted.of(self, np.ones((1, len(self.units))) if weights is None else weights[None, :])

    def satterthwaite(self, fit: Fit, index: int, contrast: FloatArray, weights: FloatArray) -> float:
        """Degrees of freedom of a contrast of the fixed effects at one weight vector; NaN at the boundary."""
        between, within = float(fit.between[index]), float(fit.within[index])
        if not between > 0:
            return float("nan")
        covariance = 2 * np.linalg.inv(self.information(between, within, weights))
        gradient = self.variance_gradient(between, within, contrast, weights)
        variance = float(contrast @ fit.covariance[index] @ contrast)
        return float(2 * variance**2 / (gradient @ covariance @ gradient))

    def kenward_roger(self, between: float, within: float, contrast: FloatArray) -> tuple[float, float]:
        """Standard error and degrees of freedom of a contrast by Kenward & Roger (1997), subjects once each.

        The covariance is linear in both variances, so their second derivatives fall away; for one contrast
        the scale of the F statistic is 1 and the degrees of freedom are 2 over their A.
        """
        part = self._once(None)
        size, counts, v = self.sizes, part.counts[0], within + self.sizes * between
        own, blocks = part.within[0, :-1, :-1], part.blocks[0, :, :-1, :-1]

        def whitened(power: int) -> FloatArray:
            """(p, p) design in the inverse covariance to a power."""
            return np.asarray(own / within**power + np.einsum("k,kij->ij", 1 / (size * v**power), blocks))

        def joined(factor: FloatArray) -> FloatArray:
            return np.asarray(np.einsum("k,kij->ij", factor, blocks))

        phi = np.linalg.inv(whitened(1))
        first = (-joined(1 / v**2), -whitened(2))
        mixed = joined(1 / v**3)
        second = ((joined(size / v**3), mixed), (mixed, whitened(3)))
        cross = float(counts @ (size / v**2))
        traces = (
            (float(counts @ (size / v) ** 2), cross),
            (cross, float(counts @ ((size - 1) / within**2 + 1 / v**2))),
        )
        pairs = [(i, j) for i in range(2) for j in range(2)]
        information = np.empty((2, 2))
        for i, j in pairs:
            lost = 2 * np.trace(phi @ second[i][j]) - np.trace(phi @ first[i] @ phi @ first[j])
            information[i, j] = (traces[i][j] - lost) / 2
        w = np.linalg.inv(information)
        extra = sum(w[i, j] * (second[i][j] - first[i] @ phi @ first[j]) for i, j in pairs)
        adjusted = phi + 2 * phi @ extra @ phi
        moved = [float(contrast @ phi @ one @ phi @ contrast) for one in first]
        a = sum(w[i, j] * moved[i] * moved[j] for i, j in pairs) / float(contrast @ phi @ contrast) ** 2
        return float(np.sqrt(contrast @ adjusted @ contrast)), float(2 / a)


@dataclass(frozen=True, eq=False)
class _Weighted:
    """Added-up sums at B weight vectors: within subjects, and of subjects by the number of their rows."""

    p: int
    reml: bool
    sizes: FloatArray
    counts: FloatArray
    within: FloatArray
    blocks: FloatArray

    @classmethod
    def of(cls, model: InterceptModel, weights: FloatArray) -> _Weighted:
        subjects, q = model.sums.shape
        outer = (model.sums[:, :, None] * model.sums[:, None, :]).reshape(subjects, q * q)
        within = (weights @ model.cross.reshape(subjects, q * q)).reshape(-1, q, q)
        by_size = [weights[:, own] @ outer[own] for own in model.members]
        counts = [weights[:, own].sum(axis=1) for own in model.members]
        b = len(weights)
        return cls(
            q - 1,
            model.reml,
            model.sizes,
            np.stack(counts, axis=-1) if counts else np.zeros((b, 0)),
            within,
            np.stack(by_size, axis=1).reshape(b, -1, q, q) if by_size else np.zeros((b, 0, q, q)),
        )

    @property
    def n(self) -> FloatArray:
        """(B,) rows."""
        return self.counts @ self.sizes

    @property
    def defined(self) -> NDArray[np.bool_]:
        """(B,) both variances can be told apart: several subjects, and several, different rows of some."""
        between = np.einsum("k,bk->b", 1 / self.sizes, self.blocks[:, :, -1, -1])
        left = self.within[:, -1, -1] > _NOTHING * np.maximum(between, np.finfo(float).tiny)
        subjects, rows = self.counts.sum(axis=1), self.n
        spare = rows - subjects > 0.5 * (1 + 1e-9)
        return np.asarray(left & spare & (subjects > 1 + 1e-9))

    def at(self, ratio: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Moments after whitening, inverse of those of the design, fixed effects, sum of squares left."""
        shares = 1 / (self.sizes * self._stretch(ratio))
        moments = self.within + np.einsum("bk,bkij->bij", shares, self.blocks)
        inverse = _inverse(moments[:, :-1, :-1])
        beta = np.einsum("bij,bj->bi", inverse, moments[:, :-1, -1])
        rest = moments[:, -1, -1] - np.einsum("bi,bi->b", beta, moments[:, :-1, -1])
        return moments, inverse, beta, rest

    def best(self) -> FloatArray:
        """(B,) ratio of the largest likelihood."""
        with np.errstate(all="ignore"):
            heights = np.stack([self._profile(np.full(len(self.n), one)) for one in _GRID], axis=-1)
        heights = np.where(np.isfinite(heights), heights, np.inf)
        lowest = np.argmin(heights, axis=1)
        low = np.log(np.append(1e-16, _GRID[1:])[np.maximum(lowest - 1, 0)])
        high = np.log(_GRID[np.minimum(lowest + 1, len(_GRID) - 1)])
        with np.errstate(all="ignore"):
            boundary = (lowest == 0) & (self._slope(np.zeros(len(self.n))) >= 0)
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                rising = self._slope(np.exp(middle)) > 0
                low, high = np.where(rising, low, middle), np.where(rising, middle, high)
        return np.where(boundary, 0.0, np.exp((low + high) / 2))

    def _stretch(self, ratio: FloatArray) -> FloatArray:
        """(B, K) 1 + size * ratio: variance of a subject's mean over what it were without `between`."""
        return 1 + self.sizes * ratio[:, None]

    def log_blocks(self, ratio: FloatArray) -> FloatArray:
        """(B,) sum over subjects of log(1 + rows * between / within)."""
        return np.asarray((self.counts * np.log(self._stretch(ratio))).sum(axis=1))

    def _profile(self, ratio: FloatArray) -> FloatArray:
        """-2 log likelihood, but for a constant."""
        moments, _, _, rest = self.at(ratio)
        if self.reml:
            extra = _log_det(moments[:, :-1, :-1])
            return np.asarray((self.n - self.p) * np.log(rest) + self.log_blocks(ratio) + extra)
        return np.asarray(self.n * np.log(rest) + self.log_blocks(ratio))

    def _slope(self, ratio: FloatArray) -> FloatArray:
        """Derivative of the profile in the ratio."""
        _, inverse, beta, rest = self.at(ratio)
        stretch = self._stretch(ratio)
        change = -np.einsum("bk,bkij->bij", 1 / np.square(stretch), self.blocks)
        both = np.concatenate([-beta, np.ones((len(beta), 1))], axis=1)
        change_rest = np.einsum("bi,bij,bj->b", both, change, both)
        n = self.n - self.p if self.reml else self.n
        blocks = (self.counts * (self.sizes / stretch)).sum(axis=1)
        slope = n * change_rest / rest + blocks
        if self.reml:
            slope = slope + np.einsum("bij,bji->b", inverse, change[:, :-1, :-1])
        return np.asarray(slope)

    def precision(self, point: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """(q, q) cross-products of (x, y) in the inverse of the covariance at (between, within)."""
        between, within = point
        shares = 1 / (self.sizes * (within + self.sizes * between))
        return np.asarray(self.within[0] / within + np.einsum("k,kij->ij", shares, self.blocks[0]))

    def deviance(self, point: NDArray[np.complex128]) -> complex:
        """-2 log likelihood at (between, within), but for a constant, fixed effects at their best."""
        between, within = point
        matrix = self.precision(point)
        design, mixed = matrix[:-1, :-1], matrix[:-1, -1]
        rest = matrix[-1, -1] - mixed @ np.linalg.solve(design, mixed)
        logs = (self.sizes - 1) * np.log(within) + np.log(within + self.sizes * between)
        result = self.counts[0] @ logs + rest
        return complex(result + np.log(np.linalg.det(design)) if self.reml else result)


def _uniform(bits: np.random.PCG64, shape: tuple[int, int]) -> FloatArray:
    """Uniform numbers strictly between 0 and 1, 53 bits each."""
    raw = np.asarray(bits.random_raw(shape[0] * shape[1]), dtype=np.uint64)
    whole = (raw >> np.uint64(11)).astype(np.float64)
    return np.asarray((whole + 0.5).reshape(shape) * 2.0**-53, dtype=np.float64)


def _inverse(matrices: FloatArray) -> FloatArray:
    """Inverses; NaN for those that have none."""
    if matrices.shape[-1] == 1:
        return np.asarray(1 / matrices)
    good = np.abs(np.linalg.det(matrices)) > 0
    result = np.full(matrices.shape, np.nan)
    result[good] = np.linalg.inv(matrices[good])
    return result


def _log_det(matrices: FloatArray) -> FloatArray:
    sign, value = np.linalg.slogdet(matrices)
    return np.where(sign > 0, value, np.nan)


def contrasts(count: int) -> Iterator[FloatArray]:
    """Coefficients of each of `count` levels in the effect coding that `effects` makes."""
    for level in range(count):
        yield np.concatenate([[1.0], effects(np.array([level]), count)[0]])


def effects(codes: IntArray, count: int) -> FloatArray:
    """(n, count - 1) effect coding: levels add up to zero, so that the intercept is their plain mean."""
    result = np.zeros((len(codes), max(count - 1, 0)))
    for level in range(count - 1):
        result[:, level] = (codes == level).astype(np.float64) - (codes == count - 1)
    return result
