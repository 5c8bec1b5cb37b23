"""Simulated studies: seeded, plausible, documented, and returned with the true values they were drawn from.

`SIMULATORS` names them for the file `simulate.yaml` of an example study:

    simulator: spa_afib_ecg
    seed: 20260403

`SIMULATORS[simulator](seed=seed).write(folder / "data")` then makes its data.
"""

from __future__ import annotations

from collections.abc import Callable

from .afib import spa_afib_ecg
from .afib_cohorts import afib_cohorts, afib_database
from .beats import beat_detector
from .blood_pressure import bp_cuff
from .heart_rate import HeartRateWear, heart_rate_wear
from .sleep import sleep_psg
from .spo2 import spo2_desaturation
from .study import Drawn, SimulatedStudy
from .weekly import hr_weekly

SIMULATORS: dict[str, Callable[..., Drawn]] = {
    "afib_cohorts": afib_cohorts,
    "afib_database": afib_database,
    "beat_detector": beat_detector,
    "bp_cuff": bp_cuff,
    "heart_rate_wear": heart_rate_wear,
    "hr_weekly": hr_weekly,
    "sleep_psg": sleep_psg,
    "spa_afib_ecg": spa_afib_ecg,
    "spo2_desaturation": spo2_desaturation,
}

__all__ = [
    "SIMULATORS",
    "Drawn",
    "HeartRateWear",
    "SimulatedStudy",
    "afib_cohorts",
    "afib_database",
    "beat_detector",
    "bp_cuff",
    "heart_rate_wear",
    "hr_weekly",
    "sleep_psg",
    "spa_afib_ecg",
    "spo2_desaturation",
]
