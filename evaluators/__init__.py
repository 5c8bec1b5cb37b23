"""Statistics that know which rows belong to one subject: metrics, intervals, resampling. NumPy in and out."""

from .agreement import bland_altman
from .checks import LengthError, NotFiniteError, NotNumericError, ParameterError
from .measurement_errors import mae, mape, rmse, share_within
from .metric import CannotComputeError, Estimate, Interval, Metric, MetricResult
from .tolerance import ToleranceError
from .weights import ResamplingWeights

__all__ = [
    "CannotComputeError",
    "Estimate",
    "Interval",
    "LengthError",
    "Metric",
    "MetricResult",
    "NotFiniteError",
    "NotNumericError",
    "ParameterError",
    "ResamplingWeights",
    "ToleranceError",
    "bland_altman",
    "mae",
    "mape",
    "rmse",
    "share_within",
]
