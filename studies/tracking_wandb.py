"""A comparison as runs of Weights & Biases, one a candidate, in a group of the comparison's name.

Server, entity, project and mode are what the user's configuration says (WANDB_BASE_URL, WANDB_ENTITY,
WANDB_PROJECT, WANDB_MODE). What the library would collect besides (the machine, its load, printed text, code,
the repository's state, installed packages) is turned off.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..datasets.trackers import WANDB
from .comparison_folder import COMPARISON_FILE, Comparison
from .tracked import Told, extract, names, told

REFUSED = r"[^A-Za-z0-9_]"
"""Other names can be written, but neither sorted nor filtered by."""
NOTHING_ELSE: Mapping[str, Any] = {
    "silent": True,
    "console": "off",
    "host": "",
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "save_code": False,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}


def log(found: Comparison) -> list[tuple[str, str, str]]:
    """Log every candidate.

    Args:
        found: The comparison.

    Returns:
        Candidate, id of its run, its address (offline: its folder), for each.

    Raises:
        wandb.errors.Error: The server cannot be reached, or refuses; nobody is logged in.
    """
    library: Any = WANDB.load()
    content = extract(found)
    with tempfile.TemporaryDirectory(prefix="accordance-") as folder:
        file = Path(folder) / COMPARISON_FILE
        file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return [_run(library, one, file) for one in told(found)]


def _run(library: Any, one: Told, file: Path) -> tuple[str, str, str]:
    comparison = str(one.parameters["comparison"])
    run = library.init(
        id=secrets.token_hex(4),  # each its own, also where WANDB_RUN_ID names the run that this is part of
        resume="never",
        name=f"{one.candidate} against {one.parameters['baseline']}",
        group=comparison,
        job_type="compare",
        tags=[one.decision],
        config={**one.parameters, "place": one.place},
        settings=library.Settings(**NOTHING_ELSE),
        reinit="create_new",
    )
    with run:
        decisions = {f"decision_{endpoint}": decision for endpoint, decision in one.decisions.items()}
        run.summary.update({"decision": one.decision, **decisions})
        run.log(names(one.metrics, refused=REFUSED, joint="_"))
        artifact = library.Artifact(f"comparison-{comparison}", type="accordance-comparison")
        artifact.add_file(str(file))
        run.log_artifact(artifact)
    where = "nothing kept: WANDB_MODE is disabled" if run.disabled else run.url or Path(run.dir).parent
    return one.candidate, str(run.id), str(where)
