"""Simulated studies: seeded, plausible, documented, and returned with the true values they were drawn from.

`SIMULATORS` names them for the file `simulate.yaml` of an example study:

    simulator: spa_afib_ecg
    seed: 20260403

`SIMULATORS[simulator](seed=seed).write(folder / "data")` then makes its data.
"""

from __future__ import annotations

from collections.abc import Callable

from .afib import spa_afib_ecg
from .study import SimulatedStudy

SIMULATORS: dict[str, Callable[..., SimulatedStudy]] = {"spa_afib_ecg": spa_afib_ecg}

__all__ = ["SIMULATORS", "SimulatedStudy", "spa_afib_ecg"]
