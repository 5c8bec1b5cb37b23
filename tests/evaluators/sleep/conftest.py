"""Reference values for sleep, read once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # so that tests can say `from sleep_oracle import TABLES`

from sleep_oracle import Sleep


@pytest.fixture(scope="session")
def sleep(reference_data: Path) -> Sleep:
    return Sleep(reference_data)
