"""WFDB: records and annotations, held against the bytes of the format and the wfdb package's writer."""

from __future__ import annotations

import http.server
import importlib
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from accordance.datasets.readers.wfdb_library import library
from accordance.datasets.readers.wfdb_records import BEATS
from accordance.protocols.errors import OutputError

with library() as wfdb:
    pass
RATE = 250
BEAT_SAMPLES = np.array([100, 300, 520, 700, 901, 1_150])
SYMBOLS = ["N", "N", "V", "N", "N", "N"]


@pytest.fixture
def record(study: Path) -> Path:
    """`100`: two signals, an annotation file `atr` of beats with a rhythm change and noise between them."""
    folder = study / "data"
    rng = np.random.default_rng(3)
    with library():
        wfdb.wrsamp(
            "100",
            fs=RATE,
            units=["mV", "mmHg"],
            sig_name=["MLII", "ABP"],
            p_signal=np.column_stack([rng.normal(0, 1, 1_300), rng.uniform(60, 120, 1_300)]),
            fmt=["16", "16"],
            base_date=date(2026, 3, 1),
            base_time=time(22, 30),
            write_dir=str(folder),
        )
    sample = np.sort(np.append(BEAT_SAMPLES, [50, 600]))
    symbol = np.array(["+", "N", "N", "V", "~", "N", "N", "N"])
    notes = ["(N\0", "", "", "", "", "", "", ""]
    with library():
        wfdb.wrann("100", "atr", sample, symbol, aux_note=notes, fs=RATE, write_dir=str(folder))
    return folder / "100.hea"


def sixteen_bits(path: Path) -> np.ndarray:
    """Samples of a file in format 16, two signals, read without any WFDB library."""
    return np.fromfile(path.with_suffix(".dat"), dtype="<i2").reshape(-1, 2).astype(np.int64)


def gains(path: Path) -> list[tuple[float, int]]:
    """Gain and baseline of each signal, from the header's text."""
    lines = path.read_text().splitlines()[1:3]
    return [
        (float(word.split("(")[0]), int(word.split("(")[1].split(")")[0]))
        for word in (line.split()[2] for line in lines)
    ]


def test_signals_are_samples_by_gain_and_baseline(record: Path, take: Callable, contract: Callable) -> None:
    table = contract(
        time="datetime", seconds="number", sample="integer", MLII={"unit": "mV"}, ABP={"unit": "mmHg"}
    )
    data = take(table, file="data/100.hea")
    raw = sixteen_bits(record)
    for column, (gain, baseline), digital in zip(("MLII", "ABP"), gains(record), raw.T, strict=True):
        np.testing.assert_allclose(data.frame[column].to_numpy(), (digital - baseline) / gain, rtol=1e-12)
    assert data.frame["sample"].to_list() == list(range(1_300))
    assert data.frame["time"][251] == datetime(2026, 3, 1, 22, 30, 1, 4_000)
    assert [one.path_relative for one in data.files] == ["data/100.hea", "data/100.dat"]
    assert all(len(one.sha256) == 64 for one in data.files)


def test_samples_that_were_never_recorded_are_missing(
    record: Path, take: Callable, contract: Callable
) -> None:
    raw = sixteen_bits(record).copy()
    raw[7, 0] = -32_768
    sums = raw.sum(axis=0).astype("<i2")
    raw.astype("<i2").tofile(record.with_suffix(".dat"))
    lines = [line.split() for line in record.read_text().splitlines()]
    for line, sum_ in zip(lines[1:], sums, strict=True):
        line[6] = str(sum_)
    record.write_text("\n".join(" ".join(line) for line in lines) + "\n")
    values = take(contract(sample="integer", MLII={}), file="data/100.hea").frame["MLII"]
    assert values.null_count() == 1
    assert values[7] is None


def test_annotations_as_they_were_written(record: Path, take: Callable, contract: Callable) -> None:
    table = contract(
        seconds="number",
        sample="integer",
        symbol="text",
        subtype="integer",
        chan="integer",
        num="integer",
        aux_note="text",
    )
    data = take(table, file="data/100.hea", rows="annotations", annotator="atr")
    assert data.frame["sample"].to_list() == [50, 100, 300, 520, 600, 700, 901, 1_150]
    assert data.frame["symbol"].to_list() == ["+", "N", "N", "V", "~", "N", "N", "N"]
    assert data.frame["aux_note"].to_list() == ["(N", *[None] * 7]
    assert data.frame["seconds"][2] == 300 / RATE
    assert {one.path_relative for one in data.files} == {"data/100.atr", "data/100.hea"}


def test_intervals_are_between_beats_only(record: Path, take: Callable, contract: Callable) -> None:
    table = contract(sample="integer", time="datetime", symbol="text", rr={"unit": "s"}, hr={"unit": "1/min"})
    frame = take(table, file="data/100.hea", rows="beats", annotator="atr").frame
    assert frame["sample"].to_list() == BEAT_SAMPLES.tolist()
    intervals = np.diff(BEAT_SAMPLES) / RATE
    assert frame["rr"][0] is None
    np.testing.assert_allclose(frame["rr"][1:].to_numpy(), intervals, rtol=1e-15)
    np.testing.assert_allclose(frame["hr"][1:].to_numpy(), 60 / intervals, rtol=1e-15)
    assert frame["time"][1] - frame["time"][0] == timedelta(seconds=0.8)
    # the package's own intervals: from the record's start, and the rhythm change and the noise count as beats
    with library():
        theirs = importlib.import_module("wfdb.processing").ann2rr(str(record.with_suffix("")), "atr")
    assert len(theirs) == 8
    normal = take(table, file="data/100.hea", rows="beats", annotator="atr", normal=("N",)).frame
    assert normal["symbol"].to_list() == SYMBOLS
    assert normal["rr"].is_null().to_list() == [True, False, True, True, False, False]


def test_intervals_of_real_records(
    reference_data: Path, study: Path, take: Callable, contract: Callable
) -> None:
    """Annotations of the MIT-BIH database and of a detector: rhythm changes and noise among the beats."""
    every = pl.read_csv(
        reference_data / "rhythm/data/annotations_30min_records.csv.gz", infer_schema_length=None
    )
    table = contract(sample="integer", symbol="text", rr={"unit": "s"})
    n_beats = 0
    for (record, annotator), rows in every.filter(pl.col("annotator").is_in(["atr", "gqrs"])).group_by(
        "record", "annotator", maintain_order=True
    ):
        with library():
            wfdb.wrann(
                str(record),
                str(annotator),
                rows["sample"].to_numpy(),
                np.array(rows["symbol"].to_list()),
                fs=360,
                write_dir=str(study / "data"),
            )
        where = {"file": f"data/{record}.{annotator}", "format": "wfdb", "rows": "beats"}
        got = take(table, **where).frame
        beats = rows.filter(pl.col("symbol").is_in(BEATS))
        assert got["sample"].to_list() == beats["sample"].to_list()
        np.testing.assert_allclose(
            got["rr"][1:].to_numpy(), np.diff(beats["sample"].to_numpy()) / 360, rtol=1e-14
        )
        n_beats += got.height
    assert n_beats > 60_000


def test_beats_are_those_of_wfdb() -> None:
    labels = wfdb.io.annotation
    assert set(BEATS) == {one.symbol for one in labels.ann_labels if labels.is_qrs[one.label_store]}


def test_an_annotation_file_without_a_header(record: Path, take: Callable, contract: Callable) -> None:
    record.unlink()
    frame = take(contract(seconds="number", symbol="text"), file="data/100.atr", format="wfdb").frame
    assert frame["seconds"].to_list()[:2] == [50 / RATE, 100 / RATE]


def test_without_rate_or_date_there_are_no_times(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    with library():
        wfdb.wrann("x", "qrs", np.array([5, 9]), np.array(["N", "N"]), write_dir=str(study / "data"))
    where = {"file": "data/x.qrs", "format": "wfdb"}
    (violation,) = refused(take, contract(seconds="number", symbol="text"), **where)
    assert "use `sample`" in violation.message
    assert take(contract(sample="integer"), **where).frame["sample"].to_list() == [5, 9]
    with library():
        wfdb.wrsamp(
            "y",
            fs=10,
            units=["mV"],
            sig_name=["e"],
            p_signal=np.ones((9, 1)),
            fmt=["16"],
            write_dir=str(study / "data"),
        )
    (violation,) = refused(take, contract(time="datetime", e={}), file="data/y.hea")
    assert "use `seconds`" in violation.message


def test_rates_within_a_record(study: Path, take: Callable, contract: Callable, refused: Callable) -> None:
    rng = np.random.default_rng(0)
    fast, slow = rng.integers(-99, 99, 40), rng.integers(-99, 99, 10)
    with library():
        wfdb.Record(
            record_name="m",
            n_sig=2,
            fs=10,
            sig_len=10,
            samps_per_frame=[4, 1],
            sig_name=["fast", "slow"],
            units=["mV", "mV"],
            fmt=["16", "16"],
            file_name=["m.dat", "m.dat"],
            adc_gain=[100.0, 100.0],
            baseline=[0, 0],
            adc_res=[16, 16],
            adc_zero=[0, 0],
            block_size=[0, 0],
            byte_offset=[None, None],
            init_value=[int(fast[0]), int(slow[0])],
            checksum=[int(fast.sum()), int(slow.sum())],
            e_d_signal=[fast, slow],
        ).wrsamp(expanded=True, write_dir=str(study / "data"))
    (violation,) = refused(take, contract(sample="integer", fast={}, slow={}), file="data/m.hea")
    assert "`fast` 40 Hz, `slow` 10 Hz" in violation.message
    frame = take(contract(seconds="number", fast={}), file="data/m.hea").frame
    np.testing.assert_allclose(frame["fast"].to_numpy(), fast / 100)
    assert frame["seconds"][1] == 1 / 40


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        ("100.hea", lambda data: b"", "the file is empty"),
        ("100.hea", lambda data: b"\x89PNG\r\n\x1a\n" + data, "is not a WFDB header"),
        (
            "100.hea",
            lambda data: data.replace(b"100.dat", b"200.dat"),
            "names signal files that are not there: `200.dat`",
        ),
        (
            "100.hea",
            lambda data: data.replace(b" 1300", b" 9300", 1),
            "is truncated or damaged: its header says 9,300 frames",
        ),
        (
            "100.hea",
            lambda data: b"\n".join(data.split(b"\n")[:2]),
            "its first line says 2 signals, and 1 follow",
        ),
        (
            "100.hea",
            lambda data: data.split(b"\n")[0].replace(b"100 2", b"100 0") + b"\n",
            "holds no signals",
        ),
        ("100.dat", lambda data: data[:-101], "is truncated or damaged: its header says 1,300 frames"),
        ("100.dat", lambda data: b"\x01\x07" + data[2:], "do not add up to the header's checksum"),
    ],
)
def test_damaged_records(
    file: str,
    damage: Callable,
    words: str,
    record: Path,
    take: Callable,
    contract: Callable,
    refused: Callable,
) -> None:
    path = record.parent / file
    path.write_bytes(damage(path.read_bytes()))
    (violation,) = refused(take, contract(sample="integer", MLII={}), file="data/100.hea")
    assert words in violation.message
    assert violation.file == "data/100.hea"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"", "the file is empty"),
        (lambda data: data[:-2], "is truncated"),
        (lambda data: data[:9], "is truncated"),
        (lambda data: b"RIFFWAVE" * 9 + b"\0\0", "no WFDB annotation file"),
        (lambda data: b"\0\0", "holds no annotations"),
        (lambda data: data.replace(b"## time res", b"## tame res"), "definitions that cannot be read"),
    ],
)
def test_damaged_annotations(
    damage: Callable, words: str, record: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    path = record.with_suffix(".atr")
    path.write_bytes(damage(path.read_bytes()))
    how = {"rows": "annotations", "annotator": "atr"}
    (violation,) = refused(take, contract(sample="integer", symbol="text"), file="data/100.hea", **how)
    assert words in violation.message
    assert violation.file == "data/100.atr"


def test_an_annotator_that_is_not_there(
    record: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    table = contract(sample="integer", symbol="text")
    (violation,) = refused(take, table, file="data/100.hea", rows="annotations", annotator="qrs")
    assert "there are: `atr`" in violation.message
    (violation,) = refused(take, table, file="data/100.hea", rows="beats")
    assert "annotation files beside the header: `atr`" in violation.message


def test_a_header_cannot_lead_out_of_the_roots(
    record: Path,
    tmp_path_factory: pytest.TempPathFactory,
    take: Callable,
    contract: Callable,
    refused: Callable,
) -> None:
    elsewhere = tmp_path_factory.mktemp("secret") / "100.dat"
    record.with_suffix(".dat").rename(elsewhere)
    record.with_suffix(".dat").symlink_to(elsewhere)
    violations = refused(take, contract(sample="integer", MLII={}), file="data/100.hea")
    assert any("outside the declared roots" in violation.message for violation in violations)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(record: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The record as `demo/1.0.0/100` on a server of this machine, in place of PhysioNet."""
    folder = tmp_path / "web" / "demo" / "1.0.0"
    folder.mkdir(parents=True)
    for path in record.parent.glob("100.*"):
        path.rename(folder / path.name)
    handler = partial(Quiet, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(
            wfdb.io.download.config, "db_index_url", f"http://127.0.0.1:{server.server_port}/"
        )
        yield
        server.shutdown()


def test_a_record_of_physionet_by_name(served: None, take: Callable, contract: Callable) -> None:
    data = take(contract(sample="integer", MLII={}), physionet="demo/1.0.0/100")
    assert data.n_rows == 1_300
    names = ["physionet.org/demo/1.0.0/100.hea", "physionet.org/demo/1.0.0/100.dat"]
    assert [one.path_relative for one in data.files] == names
    beats = take(contract(sample="integer", rr={}), physionet="demo/1.0.0/100", rows="beats", annotator="atr")
    assert beats.n_rows == 6


def test_a_record_that_physionet_does_not_have(served: None, take: Callable, contract: Callable) -> None:
    with pytest.raises(
        OutputError, match=r"demo/1\.0\.0/200\.hea: cannot be downloaded: the server answers 404"
    ):
        take(contract(sample="integer", MLII={}), physionet="demo/1.0.0/200")


def test_without_a_network_physionet_is_one_clear_answer(
    take: Callable, contract: Callable, refused: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wfdb.io.download.config, "db_index_url", "http://127.0.0.1:9/")  # nobody listens
    with pytest.raises(OutputError, match="cannot be downloaded: no answer") as caught:
        take(contract(sample="integer", MLII={}), physionet="mitdb/1.0.0/100")
    assert caught.value.exit_code == 74
    (violation,) = refused(take, contract(sample="integer"), physionet="mitdb/100")
    assert "project, version and record" in violation.message
