"""Every design that is simulated, as tasks for several processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import extension, families, paired, spots, subjects, tally

CHEAP = 5
"""So many times as many studies of families of hypotheses, which need no rows."""

EVERY = (*paired.PRODUCT, paired.ROW_WISE, paired.UNPAIRED)
POWER = ("jackknife_t", "cluster_t", "bootstrap_percentile", paired.UNPAIRED)

LEVEL = [
    paired.Design(kind=kind, subjects=n, icc=icc)
    for kind in ("mae", "sensitivity")
    for n, icc in ((40, 0.0), (40, 0.1), (40, 0.3), (40, 0.6), (10, 0.3), (20, 0.3), (85, 0.3))
]
IMPROVEMENTS = {"mae": (0.1, 0.2, 0.3, 0.4), "sensitivity": (0.02, 0.04, 0.06)}
Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def tasks(studies: int, seed: int) -> list[Task]:
    """Every design, the slow ones first."""
    given = {"studies": studies, "seed": seed}
    return [
        *((paired.simulate, ("level", design, 0.0), {**given, "methods": EVERY}) for design in LEVEL),
        *(
            (paired.simulate, ("power", paired.Design(kind=kind), size), {**given, "methods": POWER})
            for kind, improvements in IMPROVEMENTS.items()
            for size in improvements
        ),
        *(
            (
                paired.simulate,
                ("margin", paired.Design(kind=kind, subjects=n), loss),
                {**given, "methods": EVERY},
            )
            for kind, loss in (("mae", -0.2), ("sensitivity", -0.05))
            for n in (10, 20, 40, 85)
        ),
        *(
            (subjects.simulate, (n, between, unequal), given)
            for n in (8, 20, 50, 200)
            for between, unequal in ((0.0, 0.0), (0.1, 0.0), (0.5, 0.0), (0.5, 0.5))
        ),
        *((spots.simulate, (n, loss), {**given, "shape": shape}) for n, loss, shape in SPOTS),
        *(
            (families.simulate, (truth,), {"studies": CHEAP * studies, "seed": seed})
            for truth in families.TRUTHS
        ),
        *((extended, arguments, given) for arguments in EXTENSIONS),
    ]


SPOTS = (
    *((n, 0.0, "normal") for n in (100, 200, 400)),
    *((n, 0.0, f"long tail of {which}") for n in (200, 400) for which in ("losses", "gains")),
    *((n, loss, "normal") for n in (200, 400) for loss in (0.5, 1.0)),
)
EXTENSIONS = (
    ("margin 0.3, truth uniform", None, 0.3),
    ("margin 0.3, truly as good", 0.0, 0.3),
    ("margin 0.3, truly at the margin", -0.3, 0.3),
    ("no margin, truth uniform", None, None),
)


def extended(
    name: str, truth: float | None, margin: float | None, *, studies: int, seed: int
) -> list[tally.Row]:
    """First looks and what became of them."""
    return extension.rows(extension.simulate(studies=studies, seed=seed, truth=truth, margin=margin), name)


def work(job: tuple[int, Task]) -> tuple[int, list[tally.Row]]:
    """One design, with its place."""
    place, (function, arguments, options) = job
    return place, function(*arguments, **options)
