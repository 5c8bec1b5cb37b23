"""Sound files of each format, written by libraries other than those that read them where there are any."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pyedflib
import pyreadstat

from accordance.datasets.readers.wfdb_library import library

START = datetime(2026, 3, 1, 22, 30)


def edf(path: Path) -> None:
    writer = pyedflib.EdfWriter(str(path), 3, file_type=pyedflib.FILETYPE_EDFPLUS)
    writer.setStartdatetime(START)
    for i, (label, unit, rate) in enumerate((("ECG I", "mV", 100), ("ECG II", "mV", 100), ("SpO2", "%", 1))):
        head = {
            "label": label,
            "dimension": unit,
            "sample_frequency": rate,
            "transducer": "",
            "prefilter": "",
        }
        limits = {"physical_min": 0, "physical_max": 100, "digital_min": -32768, "digital_max": 32767}
        writer.setSignalHeader(i, head | limits)
    writer.writeSamples(
        [
            np.random.default_rng(11).uniform(0, 99, 100 * 120),
            np.random.default_rng(11).uniform(0, 99, 100 * 120),
            np.random.default_rng(11).uniform(90, 99, 120),
        ]
    )
    for onset, text in ((0, "Sleep stage W"), (30, "Sleep stage N2"), (90, "Sleep stage R")):
        writer.writeAnnotation(onset, 60 if onset == 30 else 30, text)
    writer.writeAnnotation(17, -1, "Lichter aus: „Licht“")
    writer.close()


def latin(path: Path) -> None:
    edf(path)
    path.write_bytes(path.read_bytes().replace("„Licht“".encode(), "\xfcber 12-34 ".encode("latin-1")))


def wfdb(path: Path) -> None:
    with library() as package:
        package.wrsamp(
            path.stem,
            fs=250,
            units=["mV"],
            sig_name=["MLII"],
            p_signal=np.random.default_rng(11).normal(size=(2_000, 1)),
            fmt=["16"],
            base_date=date(2026, 3, 1),
            base_time=time(8),
            write_dir=str(path.parent),
        )
        symbols = np.array(["+", "N", "N", "V", "~", "N"])
        samples = np.array([5, 10, 210, 400, 500, 650])
        notes = ["(N", "", "", "", "", ""]
        package.wrann(path.stem, "atr", samples, symbols, aux_note=notes, fs=250, write_dir=str(path.parent))


def atr(path: Path) -> None:
    wfdb(path.with_suffix(".hea"))
    for more in (".hea", ".dat"):
        path.with_suffix(more).unlink()


def xpt(path: Path) -> None:
    frame = pd.DataFrame(
        {
            "USUBJID": ["S-1", "S-1", "S-2"],
            "VISITNUM": [1.0, 2.0, 1.0],
            "VSDTM": [datetime(2026, 3, 1 + i, 8, 15) for i in range(3)],
            "SYSBP": [121.0, np.nan, 133.0],
        }
    )
    pyreadstat.write_xport(frame, str(path), file_format_version=5, table_name="VS")


def apple(path: Path) -> None:
    records = "".join(
        f'<Record type="{kind}" sourceName="Watch" unit="{unit}" value="{value}" '
        f'creationDate="2026-03-01 08:{i:02}:00 +0100" startDate="2026-03-01 08:{i:02}:00 +0100" '
        f'endDate="2026-03-01 08:{i:02}:05 +0100"/>'
        for kind, unit, value in (
            ("HKQuantityTypeIdentifierHeartRate", "count/min", 61),
            ("HKQuantityTypeIdentifierOxygenSaturation", "%", 0.97),
        )
        for i in range(20)
    )
    path.write_text(f"<HealthData>{records}</HealthData>")


def mhealth(path: Path) -> None:
    points = [
        {
            "header": {"id": str(i), "schema_id": {"name": "heart-rate"}, "user_id": "u1"},
            "body": {
                "heart_rate": {"value": 60 + i, "unit": "beats/min"},
                "effective_time_frame": {"date_time": f"2026-03-01T08:{i:02}:00Z"},
            },
        }
        for i in range(30)
    ]
    path.write_text(json.dumps(points))


def edf_of_one_rate(path: Path) -> None:
    """EDF+ with one signal and three annotations."""
    writer = pyedflib.EdfWriter(str(path), 1, file_type=pyedflib.FILETYPE_EDFPLUS)
    writer.setStartdatetime(START)
    head = {"label": "HR", "dimension": "bpm", "sample_frequency": 4, "transducer": "", "prefilter": ""}
    limits = {"physical_min": 0, "physical_max": 250, "digital_min": -32768, "digital_max": 32767}
    writer.setSignalHeader(0, head | limits)
    writer.writeSamples([np.random.default_rng(2).uniform(50, 99, 4 * 120)])
    for onset in (0, 30, 90):
        writer.writeAnnotation(onset, 30, "Sleep stage W")
    writer.close()
