"""EDF, EDF+ and BDF: files written by pyedflib (EDFlib in C) are read as it reads them, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import edfio
import numpy as np
import pyedflib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accordance.protocols.base import Quantity
from accordance.protocols.errors import ContractError, Violation

START = datetime(2026, 3, 1, 22, 30, 0)
NIGHT = [("Sleep stage W", 0, 60), ("Sleep stage N2", 60, 90), ("Sleep stage R", 180, 30)]
STAGES = {"Sleep stage W": "wake", "Sleep stage N2": "light", "Sleep stage R": "rem"}


def write(
    path: Path,
    *,
    channels: tuple[tuple[str, str, int], ...] = (("Pleth", "mV", 10), ("SpO2", "%", 1)),
    seconds: int = 240,
    annotations: tuple | list = (),
    kind: int = pyedflib.FILETYPE_EDFPLUS,
    start: datetime = START,
) -> list[np.ndarray]:
    """A recording by pyedflib; the physical values as it reads them back."""
    writer = pyedflib.EdfWriter(str(path), len(channels), file_type=kind)
    writer.setStartdatetime(start)
    writer.setSignalHeaders(
        [
            {
                "label": label,
                "dimension": unit,
                "sample_frequency": rate,
                "physical_min": -200,
                "physical_max": 200,
                "digital_min": -32768,
                "digital_max": 32767,
                "transducer": "",
                "prefilter": "",
            }
            for label, unit, rate in channels
        ]
    )
    rng = np.random.default_rng(7)
    writer.writeSamples([rng.uniform(-150, 150, rate * seconds) for _, _, rate in channels])
    for text, onset, duration in annotations:
        writer.writeAnnotation(onset, duration, text)
    writer.close()
    with pyedflib.EdfReader(str(path)) as back:
        return [back.readSignal(i) for i in range(len(channels))]


@pytest.fixture
def night(study: Path) -> Path:
    """An EDF+ file with two signals and a hypnogram."""
    path = study / "data" / "n.edf"
    write(path, annotations=NIGHT)
    return path


@pytest.mark.parametrize(
    "kind", [pyedflib.FILETYPE_EDF, pyedflib.FILETYPE_EDFPLUS, pyedflib.FILETYPE_BDFPLUS]
)
def test_signals_are_those_that_another_library_reads(
    kind: int, study: Path, take: Callable, contract: Callable
) -> None:
    name = "r.bdf" if kind == pyedflib.FILETYPE_BDFPLUS else "r.edf"
    (pleth, _) = write(study / "data" / name, kind=kind, seconds=20)
    table = contract(time="datetime", seconds="number", sample="integer", Pleth={"unit": "mV"})
    data = take(table, file=f"data/{name}")
    np.testing.assert_allclose(data.frame["Pleth"].to_numpy(), pleth, rtol=0, atol=1e-9)
    assert data.frame["sample"].to_list() == list(range(200))
    assert data.frame["time"][13] == START + timedelta(seconds=1.3)
    assert data.frame["seconds"][13] == 1.3
    assert data.frame["subject"].unique().to_list() == ["001"]
    assert [record.path_relative for record in data.files] == [f"data/{name}"]


def test_a_recording_of_others(study: Path, take: Callable, contract: Callable) -> None:
    """A file of EDFbrowser's generator, as pyedflib ships it."""
    path = Path(pyedflib.__file__).parent / "data" / "test_generator.edf"
    (study / "data" / "g.edf").write_bytes(path.read_bytes())
    with pyedflib.EdfReader(str(path)) as theirs:
        labels, start = theirs.getSignalLabels(), theirs.getStartdatetime()
        signals = {label: theirs.readSignal(i) for i, label in enumerate(labels)}
        onsets, _, texts = theirs.readAnnotations()
    names = {f"c{i}": label for i, label in enumerate(labels)}
    data = take(contract(time="datetime", **{name: {} for name in names}), file="data/g.edf", columns=names)
    for name, label in names.items():
        np.testing.assert_allclose(data.frame[name].to_numpy(), signals[label], rtol=0, atol=1e-9)
    assert data.n_rows == 120_000
    assert data.frame["time"][-1] == start + timedelta(seconds=119_999 / 200)
    notes = take(contract(seconds="number", text="text"), file="data/g.edf", rows="annotations").frame
    assert (notes["seconds"].to_list(), notes["text"].to_list()) == (list(onsets), list(texts))


def test_signals_of_two_rates_are_no_table(
    night: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    table = contract(seconds="number", Pleth={}, SpO2={})
    (violation,) = refused(take, table, file="data/n.edf")
    assert "`Pleth` 10 Hz, `SpO2` 1 Hz" in violation.message
    assert violation.file == "data/n.edf"


def test_times_of_an_odd_rate_do_not_drift(study: Path, take: Callable, contract: Callable) -> None:
    write(study / "data" / "r.edf", channels=(("x", "mV", 7),), seconds=3_600)
    data = take(contract(time="datetime", seconds="number", x={}), file="data/r.edf")
    assert (data.frame["seconds"].to_numpy() == np.arange(25_200) / 7).all()
    exact = [START + timedelta(microseconds=round(i * 1_000_000 / 7)) for i in (1, 2, 7, 25_199)]
    assert data.frame["time"].gather([1, 2, 7, 25_199]).to_list() == exact


def test_a_missing_channel_names_those_there_are(
    night: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (violation,) = refused(take, contract(seconds="number", Pleht={}), file="data/n.edf")
    assert violation.suggestion == "Pleth"
    assert "`SpO2`" in violation.message
    data = take(contract(seconds="number", hr={}), file="data/n.edf", columns={"hr": "Pleth"})
    assert data.n_rows == 2_400


def test_channels_of_one_name_are_told_apart(study: Path, take: Callable, contract: Callable) -> None:
    first, second = write(study / "data" / "r.edf", channels=(("EEG", "uV", 4), ("EEG", "uV", 4)), seconds=5)
    table = contract(seconds="number", left={}, right={})
    data = take(table, file="data/r.edf", columns={"left": "EEG#1", "right": "EEG#2"})
    np.testing.assert_allclose(data.frame["left"].to_numpy(), first, atol=1e-9)
    np.testing.assert_allclose(data.frame["right"].to_numpy(), second, atol=1e-9)


def test_annotations_are_those_that_another_library_reads(
    night: Path, take: Callable, contract: Callable
) -> None:
    table = contract(time="datetime", seconds="number", duration={"unit": "s"}, end="datetime", text="text")
    frame = take(table, file="data/n.edf", rows="annotations").frame
    with pyedflib.EdfReader(str(night)) as back:
        onsets, durations, texts = back.readAnnotations()
    assert frame["seconds"].to_list() == list(onsets)
    assert frame["duration"].to_list() == list(durations)
    assert frame["text"].to_list() == list(texts)
    assert frame["end"][2] == START + timedelta(seconds=210)


def test_epochs_expand_what_spans_several(night: Path, take: Callable, contract: Callable) -> None:
    table = contract(key=("subject", "epoch"), epoch="integer", seconds="number", stage="text")
    columns = {"stage": "label"}
    how = {"rows": "epochs", "epoch": Quantity.from_text("30 s"), "labels": STAGES}
    frame = take(table, file="data/n.edf", columns=columns, **how).frame
    # 150 to 180 s nobody scored: its number is kept free
    assert frame.select("epoch", "seconds", "stage").rows() == [
        (1, 0.0, "wake"),
        (2, 30.0, "wake"),
        (3, 60.0, "light"),
        (4, 90.0, "light"),
        (5, 120.0, "light"),
        (7, 180.0, "rem"),
    ]


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ([("Sleep stage W", 0, 45)], "last no whole number of epochs of 30 s"),
        ([("Sleep stage W", 0, 30), ("Sleep stage R", 35, 30)], "start between epochs of 30 s"),
        ([("Sleep stage W", 0, 60), ("Sleep stage R", 30, 30)], "epochs with two annotations"),
        ([("Sleep stage W", 0, 30), ("Arousal", 12, 3)], "annotations without a label"),
    ],
)
def test_epochs_are_never_rounded_into_shape(
    annotations: list, words: str, study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    write(study / "data" / "n.edf", annotations=annotations)
    how = {"rows": "epochs", "epoch": Quantity.from_text("30 s"), "labels": STAGES}
    (violation,) = refused(take, contract(epoch="integer", label="text"), file="data/n.edf", **how)
    assert words in violation.message
    assert violation.file == "data/n.edf"
    assert violation.examples


def test_other_texts_are_left_out_where_that_is_declared(
    study: Path, take: Callable, contract: Callable
) -> None:
    write(study / "data" / "n.edf", annotations=[*NIGHT, ("Arousal", 12, 3)])
    how = {
        "rows": "epochs",
        "epoch": Quantity.from_text("0.5 min"),
        "labels": STAGES,
        "other_texts": "left_out",
    }
    assert take(contract(epoch="integer", label="text"), file="data/n.edf", **how).n_rows == 6


def latin(path: Path) -> None:
    """The file with its Ü of UTF-8 as two letters of Latin-1: what many devices write."""
    data = path.read_bytes()
    assert data.count("Übergang".encode()) == 1
    path.write_bytes(data.replace("Übergang".encode(), "Ü!bergang".encode("latin-1")))


def test_latin_1_is_one_clear_answer_and_a_declared_rule(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    path = study / "data" / "n.edf"
    write(path, annotations=[("before", 1, 1), ("Übergang", 2, 1)])
    table = contract(seconds="number", text="text")
    assert take(table, file="data/n.edf", rows="annotations").frame["text"].to_list() == [
        "before",
        "Übergang",
    ]
    latin(path)
    (violation,) = refused(take, table, file="data/n.edf", rows="annotations")
    assert (violation.file, violation.examples) == (
        "data/n.edf",
        ("annotation 2 at 2 s: byte 0xDC in '\\xdc!bergang'",),
    )
    assert "encoding: latin-1" in violation.message
    texts = take(table, file="data/n.edf", rows="annotations", encoding="latin-1").frame["text"]
    assert texts.to_list() == ["before", "Ü!bergang"]
    # signals do not depend on the texts
    assert take(contract(seconds="number", Pleth={}), file="data/n.edf").n_rows == 2_400


def gap(path: Path, at: int, jump: int) -> None:
    """Make a recording discontinuous: from data record `at` on, time is `jump` seconds later."""
    data = bytearray(path.read_bytes())
    data[192:197] = b"EDF+D"
    for record in range(at, 300):
        old, new = f"+{record}\x14\x14".encode(), f"+{record + jump}\x14\x14".encode()
        place = data.find(old)
        if place < 0:
            break
        # the list is followed by zeros: a longer onset takes one of them
        end = place + len(old)
        extra = len(new) - len(old)
        assert data[end : end + extra] == bytes(extra)
        data[place : end + extra] = new
    path.write_bytes(bytes(data))


def test_gaps_are_jumps_in_time_and_nothing_is_filled(
    study: Path, take: Callable, contract: Callable
) -> None:
    path = study / "data" / "d.edf"
    write(path, channels=(("x", "mV", 2),), seconds=10)
    gap(path, 4, 60)
    frame = take(contract(time="datetime", seconds="number", sample="integer", x={}), file="data/d.edf").frame
    assert frame.height == 20
    assert frame["seconds"].to_list() == [*np.arange(0, 4, 0.5), *np.arange(64, 70, 0.5)]
    assert frame["sample"].to_list() == list(range(20))


def damaged(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    cuts = {
        "empty": data.clear,
        "no edf": lambda: data.__setitem__(slice(0, 8), b"RIFF...."),
        "cut in head": lambda: data.__delitem__(slice(300, None)),
        "cut in data": lambda: data.__delitem__(slice(-1_000, None)),
        "more records": lambda: data.__setitem__(slice(236, 244), b"9999    "),
        "fewer records": lambda: data.__setitem__(slice(236, 244), b"10      "),
        "never closed": lambda: data.__setitem__(slice(236, 244), b"-1      "),
        "no number": lambda: data.__setitem__(slice(236, 244), b"many    "),
        "no signals": lambda: data.__setitem__(slice(252, 256), b"0   "),
        "no date": lambda: data.__setitem__(slice(168, 176), b"99.99.99"),
    }
    cuts[how]()
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("empty", "the file is empty"),
        ("no edf", "is not an EDF or BDF file"),
        ("cut in head", "ends in its head, after 300 of"),
        ("cut in data", "is truncated: its head says 240 data records, and"),
        ("more records", "is truncated: its head says 9,999 data records, and 240 (32,640 bytes where"),
        ("fewer records", "goes on after its data: its head says 10"),
        ("never closed", "was never closed"),
        ("no number", "the number of data records is no number"),
        ("no signals", "holds 0 signals"),
        ("no date", "its start is not a date and time"),
    ],
)
def test_damaged_files(
    how: str, words: str, night: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    damaged(night, how)
    (violation,) = refused(take, contract(seconds="number", Pleth={}), file="data/n.edf")
    assert words in violation.message
    assert violation.file == "data/n.edf"


def test_damage_among_the_annotations(
    night: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    data = night.read_bytes()
    night.write_bytes(data.replace(b"+60\x15", b"*60\x15", 1))
    (violation,) = refused(
        take, contract(seconds="number", text="text"), file="data/n.edf", rows="annotations"
    )
    assert "damaged annotation in data record" in violation.message
    night.write_bytes(data.replace(b"+7\x14\x14", b"+1\x14\x14", 1))
    (violation,) = refused(take, contract(seconds="number", Pleth={}), file="data/n.edf")
    assert "data record 8 starts at 1 s, before the one before it ends (7 s)" in violation.message


def test_only_annotations_are_no_signals(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    edfio.Edf([], annotations=[edfio.EdfAnnotation(0, 30, "Sleep stage W")]).write(study / "data" / "h.edf")
    (violation,) = refused(take, contract(seconds="number", x={}), file="data/h.edf")
    assert "holds no signals, only annotations" in violation.message
    frame = take(contract(seconds="number", text="text"), file="data/h.edf", rows="annotations").frame
    assert frame["text"].to_list() == ["Sleep stage W"]


def test_plain_edf_has_no_annotations(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    write(study / "data" / "p.edf", kind=pyedflib.FILETYPE_EDF)
    (violation,) = refused(take, contract(seconds="number"), file="data/p.edf", rows="annotations")
    assert "holds no annotations" in violation.message


def test_a_date_that_was_removed_is_no_date(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    signal = edfio.EdfSignal(np.arange(10.0), 1, label="x")
    hidden = edfio.Edf([signal], annotations=[], recording=edfio.Recording(startdate=None))
    hidden.write(study / "data" / "x.edf")
    (violation,) = refused(take, contract(time="datetime", x={}), file="data/x.edf")
    assert "use `seconds`" in violation.message
    assert take(contract(seconds="number", x={}), file="data/x.edf").n_rows == 10


def test_a_unit_that_changes_between_files(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (first,) = write(study / "data" / "001_a.edf", channels=(("x", "mV", 2),), seconds=5)
    (second,) = write(study / "data" / "002_a.edf", channels=(("x", "uV", 2),), seconds=5)
    table = contract(key=("subject", "seconds"), seconds="number", x={"unit": "mV"})
    table = table.model_copy(update={"time": "seconds"})
    where = {"glob": "data/*.edf", "from_path": "{subject}_{night}.edf", "constants": {}}
    (violation,) = refused(take, table, **where)
    assert violation.key == "x"
    assert "`mV`, `uV`" in violation.message
    assert violation.examples == ("data/001_a.edf, row 1: `mV`", "data/002_a.edf, row 1: `uV`")
    (violation,) = refused(take, table, units={"x": "as_recorded"}, **where)
    assert "no declared conversion from `uV` to `mV`" in violation.message
    data = take(table, units={"x": "as_recorded"}, conversions=[("uV", "mV", 0.001)], **where)
    np.testing.assert_allclose(data.frame["x"].to_numpy(), np.concatenate([first, second / 1000]), atol=1e-9)
    assert data.frame["subject"].to_list() == ["001"] * 10 + ["002"] * 10


def test_a_unit_that_is_not_the_contracts(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (x,) = write(study / "data" / "r.edf", channels=(("x", "uV", 2),), seconds=5)
    table = contract(seconds="number", x={"unit": "mV"})
    (violation,) = refused(take, table, file="data/r.edf")
    assert "the data say `uV`, the contract says `mV`" in violation.message
    data = take(table, file="data/r.edf", units={"x": "uV"}, conversions=[("uV", "mV", 0.001)])
    np.testing.assert_allclose(data.frame["x"].to_numpy(), x / 1000, atol=1e-12)
    (violation,) = refused(
        take, table, file="data/r.edf", units={"x": "V"}, conversions=[("V", "mV", 1000.0)]
    )
    assert "`units` of the source says `V`" in violation.message


def test_every_damaged_file_is_named_at_once(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    for name in ("a", "b", "c"):
        write(study / "data" / f"{name}.edf", seconds=20)
    for name in ("a", "c"):
        path = study / "data" / f"{name}.edf"
        path.write_bytes(path.read_bytes()[:-7])
    violations: list[Violation] = refused(
        take, contract(seconds="number", Pleth={}), folder="data", format="edf"
    )
    assert [violation.file for violation in violations] == ["data/a.edf", "data/c.edf"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_of_a_file_can_bring_down_the_reader(
    data: st.DataObject, tmp_path: Path, take: Callable, contract: Callable
) -> None:
    """Whatever byte is changed, the file is read or refused in words."""
    path = tmp_path / "data" / "f.edf"
    path.parent.mkdir(exist_ok=True)
    write(path, channels=(("x", "mV", 2),), seconds=5, annotations=[("Ü", 1, 1)])
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw))
    for how in ({}, {"rows": "annotations"}):
        columns = {"seconds": "number", "time": "datetime"} | ({"text": "text"} if how else {"x": {}})
        try:
            take(contract(**columns), file="data/f.edf", **how)
        except ContractError as error:
            assert error.violations
