"""A comparison as runs of MLflow, one a candidate.

Server and experiment are what MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME (or _ID) say, or what a program
has set. Within a run (MLFLOW_RUN_ID) they are its children.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..datasets.trackers import MLFLOW, without_credentials
from .comparison_folder import COMPARISON_FILE, Comparison
from .tracked import Told, extract, names, told

REFUSED = r"[^\w.\- ]"
"""MLflow takes letters, digits and `_-. /`; a slash would make groups of charts, so it is replaced."""
BATCH = 900
"""MLflow takes 1,000 metrics at once."""
SOURCE = {"mlflow.source.name": "accordance compare", "mlflow.source.type": "LOCAL"}


def log(found: Comparison) -> list[tuple[str, str, str]]:
    """Log every candidate.

    Args:
        found: The comparison.

    Returns:
        Candidate, id of its run, address of the server, for each.

    Raises:
        mlflow.exceptions.MlflowException: The server cannot be reached, or refuses.
    """
    library: Any = MLFLOW.load()
    client = library.MlflowClient()
    experiment = _experiment(client)
    content = extract(found)
    where = without_credentials(str(client.tracking_uri))
    return [(one.candidate, _run(library, client, experiment, one, content), where) for one in told(found)]


def _run(library: Any, client: Any, experiment: str, one: Told, content: Mapping[str, Any]) -> str:
    now = library.utils.time.get_current_time_millis
    title = f"{one.candidate} against {content['baseline']}"
    run = client.create_run(experiment, run_name=title, tags=_tags(one))
    name, status = run.info.run_id, "FAILED"
    try:
        entities = library.entities
        written = names(one.metrics, refused=REFUSED, joint=".")
        metrics = [entities.Metric(key, value, now(), 0) for key, value in written.items()]
        parameters = [entities.Param(key, str(value)) for key, value in one.parameters.items()]
        client.log_batch(name, params=parameters)
        for start in range(0, len(metrics), BATCH):
            client.log_batch(name, metrics=metrics[start : start + BATCH])
        client.log_dict(name, dict(content), COMPARISON_FILE)
        status = "FINISHED"
    finally:
        client.set_terminated(name, status)
    return str(name)


def _tags(one: Told) -> dict[str, str]:
    parent = os.environ.get("MLFLOW_RUN_ID")
    return {
        **SOURCE,
        **({"mlflow.parentRunId": parent} if parent else {}),
        "decision": one.decision,
        **{f"decision.{endpoint}": decision for endpoint, decision in one.decisions.items()},
        "accordance.comparison": str(one.parameters["comparison"]),
        "accordance.place": one.place,
    }


def _experiment(client: Any) -> str:
    """The experiment that the user's configuration names; without, MLflow's default one."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if os.environ.get("MLFLOW_EXPERIMENT_ID") or not name:
        return os.environ.get("MLFLOW_EXPERIMENT_ID") or "0"
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)
