"""The libraries of experiment trackers, MLflow and Weights & Biases: optional, loaded when needed, silent.

Where a tracker is and who may use it is its user's own configuration (MLFLOW_TRACKING_URI, WANDB_API_KEY).
Both libraries report their use to their makers unless told otherwise; here they are told.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tracker:
    """An experiment tracker.

    Attributes:
        name: Its word in commands, in addresses and as optional extra; also the module of its library.
        title: Its name for readers.
        silent: Environment variables that keep its library from reporting to its makers.
        patience: Environment variables that bound attempts and waits, unless the user has set them.
    """

    name: str
    title: str
    silent: Mapping[str, str]
    patience: Mapping[str, str]

    @property
    def installed(self) -> bool:
        """Whether its library is there; it is not imported for that."""
        return importlib.util.find_spec(self.name) is not None

    @property
    def lacking(self) -> str:
        """What is said where its library is not there."""
        return f'{self.title} needs its own library: pip install "accordance[{self.name}]"'

    def load(self) -> Any:
        """Its library, told to be silent before it is imported.

        Raises:
            ImportError: It is not there, or does not load.
        """
        os.environ.update(self.silent)
        for name, value in self.patience.items():
            os.environ.setdefault(name, value)
        return importlib.import_module(self.name)


MLFLOW = Tracker(
    "mlflow",
    "MLflow",
    silent={"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
    patience={"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"},
)
WANDB = Tracker(
    "wandb",
    "Weights & Biases",
    silent={"WANDB_ERROR_REPORTING": "false", "DO_NOT_TRACK": "true", "WANDB_SILENT": "true"},
    patience={"WANDB_INIT_TIMEOUT": "30", "WANDB_HTTP_TIMEOUT": "20"},
)
TRACKERS: Mapping[str, Tracker] = {one.name: one for one in (MLFLOW, WANDB)}


_NO_DATABASE = "Model registry functionality is unavailable; got unsupported URI 'sqlite:"
"""What the client says of MLflow's default, a database in the working folder."""


def first_line(error: BaseException) -> str:
    r"""What a library says went wrong: no page of advice that often follows, no credentials of an address.

    Example:
        >>> first_line(ValueError("http://me:secret@host is down.\nSee https://..."))
        'http://host is down.'
    """
    if _NO_DATABASE in str(error):
        return (
            "no server is named in MLFLOW_TRACKING_URI, and MLflow's client alone opens no database; name "
            "one, or install the whole of mlflow"
        )
    lines = (line.strip() for line in str(error).splitlines())
    return without_credentials(next((line for line in lines if line), type(error).__name__))


def without_credentials(text: str) -> str:
    """A text whose addresses name no user and password.

    Example:
        >>> without_credentials("https://me:secret@mlflow.example.org/x")
        'https://mlflow.example.org/x'
    """
    return re.sub(r"(?<=://)[^/\s@]*@", "", text)
