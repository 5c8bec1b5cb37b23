"""Produce a version's outputs now: its program over the input of one subject after another, each by itself.

A subject whose program fails or takes too long stops nobody else: it has no outputs, is counted, and its
reason is kept. What was produced is named by the subject's input, the program and the artefact, and
is not made again while these are the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..protocols.errors import ContractError, Violation
from . import artefact
from .produce_asked import LOGS, Asked, Job, asked, jobs
from .produce_program import absent
from .produce_running import NOT_STARTED, Runner, told_to_end
from .producing import FOLDER
from .writing import output_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from .folder import Study

LOOK_EVERY = 0.2
"""Seconds after which to look up from waiting. Within it Ctrl-C is not heard, once Polars is imported."""
MOST_SHOWN = 5
"""Most subjects that a sentence names; results.json has all."""


@dataclass(frozen=True)
class Made:
    """What became of one version.

    Attributes:
        version: The version.
        table: Test table that was made.
        subjects: Subjects with an input.
        produced: Of these, produced now.
        kept: Produced before, from the same input by the same artefact.
        failed: Subject -> why there are no outputs.
    """

    version: str
    table: str
    subjects: int
    produced: int
    kept: int
    failed: Mapping[str, str]

    def facts(self) -> dict[str, Any]:
        """As results.json has it."""
        failed = [{"subject": name, "reason": reason} for name, reason in self.failed.items()]
        return {**asdict(self), "failed": failed}

    def note(self) -> str | None:
        """What to know of subjects whose program failed; None without any.

        Example:
            >>> Made("v2", "test", 6, 0, 5, {"002": "wrote no rows"}).note()
            'the program of v2 failed for 1 of 6 subjects, who have no outputs: 002 wrote no rows'
        """
        if not self.failed:
            return None
        shown = "; ".join(f"{name} {reason}" for name, reason in [*self.failed.items()][:MOST_SHOWN])
        more = f" and {len(self.failed) - MOST_SHOWN:,} more" if len(self.failed) > MOST_SHOWN else ""
        return (
            f"the program of {self.version} failed for {len(self.failed):,} of {self.subjects:,} subjects, "
            f"who have no outputs: {shown}{more}"
        )


def tables_of(study: Study, version: str) -> tuple[str, ...]:
    """Test tables of a version that are produced."""
    return tuple(one.table for one in asked(study) if one.version == version)


def standing(study: Study) -> tuple[list[Made], list[Violation]]:
    """What was produced before, and versions whose outputs may not be read.

    Outputs have to be there for every subject with an input, unless its program failed; be those of its input
    and of this program and artefact; and be of nobody else.

    Args:
        study: The study.
    """
    found: list[Made] = []
    violations: list[Violation] = []
    for one in asked(study):
        try:
            wanted = jobs(one)
        except ContractError as error:
            violations.extend(error.violations)
            continue
        made, wrong = _standing(one, wanted)
        violations.extend(wrong)
        if not wrong:
            found.append(made)
    return found, violations


def _standing(one: Asked, wanted: Sequence[Job]) -> tuple[Made, list[Violation]]:
    known = {job.subject: one.known(job) for job in wanted}
    failed = {name: str(found["reason"]) for name, found in known.items() if found and found["reason"]}
    kept = [name for name, found in known.items() if found and not found["reason"]]
    key = f"algorithm.versions.{one.version}.produce"
    violations = []
    missing = len(wanted) - len(failed) - len(kept)
    if missing:
        message = (
            f"outputs of {missing:,} of {len(wanted):,} subjects are not there, or not those of this input "
            "and artefact; `accordance check --produce` and `accordance run` make them"
        )
        violations.append(Violation(message, file="study.yaml", key=key))
    strangers = one.strangers(kept) if one.folder.is_dir() and not missing else []
    if strangers:
        message = (
            f"{len(strangers):,} file{'' if len(strangers) == 1 else 's'} in {FOLDER}/{one.version}/"
            f"{one.table} belong to no subject that has an input and outputs of this program; `accordance "
            "check --produce` and `accordance run` remove them"
        )
        shown = strangers[0].relative_to(one.folder).as_posix()
        violations.append(Violation(message, file="study.yaml", key=key, found=shown))
    return Made(one.version, one.table, len(wanted), 0, len(kept), failed), violations


def produce(
    study: Study,
    *,
    workers: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    log: Callable[..., None] | None = None,
) -> list[Made]:
    """Produce what is lacking of every version that says how; subjects that failed before are tried again.

    Args:
        study: The study.
        workers: Subjects at a time; default one a processor.
        progress: Told what is being done and the share done.
        log: Takes events with ids and counts.

    Returns:
        What became of each such version, in order.

    Raises:
        ContractError: Inputs, programs or model files that are not there or are others; everything found is
            listed, nothing was run. Or no subject of a version has outputs.
        OutputError: Outputs cannot be written.
    """
    work: list[tuple[Asked, list[Job]]] = []
    violations: list[Violation] = []
    for one in asked(study):
        violations.extend(absent(study, one.version, one.spec))
        try:
            work.append((one, jobs(one)))
        except ContractError as error:
            violations.extend(error.violations)
    if work or violations:  # outputs are named by the model files that are declared: others may make none
        violations.extend(artefact.wrong_files(study))
    if violations:
        raise ContractError(violations)
    made = []
    for place, (one, wanted) in enumerate(work):

        def told(what: str, share: float, place: int = place) -> None:
            if progress:
                progress(what, (place + share) / len(work))

        made.append(_produce(one, wanted, workers or os.cpu_count() or 1, told, log or _silent))
    return made


def _silent(_event: str, **_facts: Any) -> None:
    """A log that keeps nothing."""


def _produce(
    one: Asked,
    wanted: Sequence[Job],
    workers: int,
    tell: Callable[[str, float], None],
    log: Callable[..., None],
) -> Made:
    """All subjects of one version, some at a time."""
    with output_errors(one.folder):
        todo = [job for job in wanted if (one.known(job) or {"reason": NOT_STARTED})["reason"] is not None]
        one.clear(wanted, todo)
    tell(f"producing {one.version}", 0.0)
    failed = _executed(one, todo, workers, tell, log)
    kept = len(wanted) - len(todo)
    made = Made(one.version, one.table, len(wanted), len(todo) - len(failed), kept, failed)
    log(
        "produced",
        version=one.version,
        table=one.table,
        subjects=len(wanted),
        produced=made.produced,
        kept=kept,
        failed=len(failed),
    )
    if len(failed) == len(wanted):
        first = next(iter(failed.values()))
        logs = f"{FOLDER}/{one.version}/{LOGS}"
        message = f"every subject failed to execute, the first because it {first}; see {logs}"
        raise ContractError(
            [Violation(message, file="study.yaml", key=f"algorithm.versions.{one.version}.produce")]
        )
    return made


def _executed(
    one: Asked,
    todo: Sequence[Job],
    workers: int,
    tell: Callable[[str, float], None],
    log: Callable[..., None],
) -> dict[str, str]:
    """Subject -> why there are no outputs, of those whose program failed, sorted."""
    failed: dict[str, str] = {}
    runner = Runner(one)
    with told_to_end(), ThreadPoolExecutor(workers) as pool:
        waiting: dict[Future[str | None], Job] = {pool.submit(runner.subject, job): job for job in todo}
        pending = set(waiting)
        try:
            while pending:
                done, pending = wait(pending, LOOK_EVERY, FIRST_COMPLETED)
                for future in done:
                    subject, reason = waiting[future].subject, future.result()
                    if reason is not None:
                        failed[subject] = reason
                        facts = {"version": one.version, "table": one.table, "subject": subject}
                        log("subject failed", **facts, reason=reason)
                if done:
                    n = len(todo) - len(pending)
                    tell(f"producing {one.version}: {n:,} of {len(todo):,} subjects", n / len(todo))
        except BaseException:
            runner.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return dict(sorted(failed.items()))
