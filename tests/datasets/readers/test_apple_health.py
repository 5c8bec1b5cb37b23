"""Apple Health: the export as the phone writes it, held against ElementTree."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

HR, SPO2, SLEEP = (
    "HKQuantityTypeIdentifierHeartRate",
    "HKQuantityTypeIdentifierOxygenSaturation",
    "HKCategoryTypeIdentifierSleepAnalysis",
)
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 13 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout)*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record type CDATA #REQUIRED unit CDATA #IMPLIED value CDATA #IMPLIED>
]>
<HealthData locale="en_GB">
 <ExportDate value="2026-03-02 10:00:00 +0100"/>
 <Me HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"/>
"""
DEVICE = "&lt;&lt;HKDevice: 0x28&gt;, name:Apple Watch, hardware:Watch6,2&gt;"


def record(
    kind: str, value: object, start: str, end: str | None = None, unit: str | None = "count/min"
) -> str:
    named = f' unit="{unit}"' if unit else ""
    return (
        f' <Record type="{kind}" sourceName="Anna’s Apple&#160;Watch" sourceVersion="10.1" '
        f'device="{DEVICE}"{named} '
        f'creationDate="{end or start}" startDate="{start}" endDate="{end or start}" value="{value}">\n'
        '  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>\n </Record>\n'
    )


RECORDS = [
    record(HR, 61, "2026-03-01 08:30:00 +0100"),
    record(SPO2, 0.97, "2026-03-01 08:30:10 +0100", unit="%"),
    record(HR, 72.5, "2026-03-01 09:30:00 +0200", "2026-03-01 09:30:05 +0200"),
    record(SLEEP, "HKCategoryValueSleepAnalysisAsleepREM", "2026-03-01 01:00:00 -0330", unit=None),
    ' <Correlation type="HKCorrelationTypeIdentifierBloodPressure">\n'
    + record(HR, 999, "2026-03-01 00:00:00 +0000")
    + " </Correlation>\n",
]


def export(*records: str) -> str:
    return HEAD + "".join(records or RECORDS) + "</HealthData>\n"


@pytest.fixture
def xml(study: Path) -> Path:
    path = study / "data" / "export.xml"
    path.write_text(export())
    return path


TABLE = {"start": "datetime", "end": "datetime", "hr": {"unit": "1/min"}, "source": "text", "device": "text"}
COLUMNS = {"hr": "value"}


def test_records_are_moments_in_utc(xml: Path, take: Callable, contract: Callable) -> None:
    data = take(
        contract(key=("subject", "end"), **TABLE), file="data/export.xml", types=(HR,), columns=COLUMNS
    )
    frame = data.frame
    half_past = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    assert frame.select("start", "end", "hr").rows() == [
        (half_past, half_past, 61.0),
        (half_past, half_past + timedelta(seconds=5), 72.5),
    ]
    theirs = [one for one in ElementTree.parse(xml).getroot().iterfind("Record") if one.get("type") == HR]
    assert frame["hr"].to_list() == [float(one.get("value")) for one in theirs]
    stamps = [datetime.strptime(one.get("startDate"), "%Y-%m-%d %H:%M:%S %z") for one in theirs]
    assert frame["start"].to_list() == stamps
    assert frame["source"].to_list() == [one.get("sourceName") for one in theirs]
    assert frame["device"].to_list() == [one.get("device") for one in theirs]


def test_zip_and_xml_are_the_same(xml: Path, take: Callable, contract: Callable) -> None:
    with zipfile.ZipFile(xml.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(xml, "apple_health_export/Exportación.xml")
        archive.writestr("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
        archive.writestr("apple_health_export/workout-routes/route.gpx", "<gpx/>")
    table = contract(key=("subject", "end"), **TABLE)
    given = {"types": (HR,), "columns": COLUMNS}
    one, other = (take(table, file=f"data/export.{end}", **given) for end in ("xml", "zip"))
    assert one.content_sha256 == other.content_sha256
    assert one.files[0].sha256 != other.files[0].sha256


def test_words_are_text(xml: Path, take: Callable, contract: Callable) -> None:
    table = contract(key=("subject", "start"), start="datetime", stage="text")
    frame = take(table, file="data/export.xml", types=(SLEEP,), columns={"stage": "value"}).frame
    assert frame["stage"].to_list() == ["HKCategoryValueSleepAnalysisAsleepREM"]
    assert frame["start"].to_list() == [datetime(2026, 3, 1, 4, 30, tzinfo=UTC)]


def test_places_are_lines_of_the_file(
    xml: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    table = contract(key=("subject", "end"), **TABLE | {"hr": {"unit": "1/min", "range": (0, 70)}})
    (violation,) = refused(take, table, file="data/export.xml", types=(HR,), columns=COLUMNS)
    assert (violation.file, violation.key, violation.found) == ("data/export.xml", "hr", "72.5")
    assert 'value="72.5"' in xml.read_text().split("\n")[violation.line - 1]


def test_a_unit_that_changes_between_records(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    kind = "HKQuantityTypeIdentifierBloodGlucose"
    lines = [
        record(kind, 90, "2026-03-01 08:30:00 +0000", unit="mg/dL"),
        record(kind, 5.5, "2026-03-01 08:40:00 +0000", unit="mmol/L"),
        record(kind, 126, "2026-03-01 08:50:00 +0000", unit="mg/dL"),
    ]
    (study / "data" / "export.xml").write_text(export(*lines))
    table = contract(key=("subject", "start"), start="datetime", glucose={"unit": "mmol/L"})
    given = {"file": "data/export.xml", "types": (kind,), "columns": {"glucose": "value"}}
    (violation,) = refused(take, table, **given)
    first = HEAD.count("\n") + 1
    assert violation.examples == (
        f"data/export.xml, line {first}: `mg/dL`",
        f"data/export.xml, line {first + 3}: `mmol/L`",
    )
    given["units"] = {"glucose": "as_recorded"}
    (violation,) = refused(take, table, **given)
    assert "no declared conversion from `mg/dL` to `mmol/L`" in violation.message
    frame = take(table, conversions=[("mg/dL", "mmol/L", 1 / 18)], **given).frame
    assert frame["glucose"].to_list() == [5.0, 5.5, 7.0]


def test_which_types_has_to_be_said(xml: Path, take: Callable, contract: Callable, refused: Callable) -> None:
    table = contract(key=("subject", "start"), start="datetime")
    (violation,) = refused(take, table, file="data/export.xml")
    assert "say which record types" in violation.message
    (violation,) = refused(take, table, file="data/export.xml", types=("HKQuantityTypeIdentifierHeartrate",))
    assert violation.suggestion == HR
    (violation,) = refused(take, table, file="data/export.xml", types=(HR, SLEEP))
    assert "read two tables" in violation.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        (export()[:-600], "the file is cut off"),
        (export()[:1_500], "the file is cut off"),
        ("<gpx></gpx>", "is not an Apple Health export: its root is `gpx`"),
        ("subject,hr\n1,2\n", "is not well-formed XML"),
        (export().replace("</Record>", "</record>", 1), "mismatched tag"),
        (export().replace('value="61"', 'value="sixty"'), "records without a value or date that can be read"),
        (
            export().replace("08:30:00 +0100", "08:30:00"),
            "records without a value or date that can be read",
        ),
        (
            export().replace("<!ELEMENT Record", '<!ENTITY a "aaaa"> <!ELEMENT Record'),
            "declares XML entities",
        ),
    ],
)
def test_damaged_exports(
    content: str, words: str, study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (study / "data" / "export.xml").write_text(content)
    table = contract(key=("subject", "end"), **TABLE)
    (violation,) = refused(take, table, file="data/export.xml", types=(HR,), columns=COLUMNS)
    assert words in violation.message
    assert violation.file == "data/export.xml"


def test_damaged_zips(xml: Path, take: Callable, contract: Callable, refused: Callable) -> None:
    given = {"file": "data/export.zip", "types": (HR,), "columns": COLUMNS}
    table = contract(key=("subject", "end"), **TABLE)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(xml, "apple_health_export/export.xml")
    path = xml.with_suffix(".zip")
    path.write_bytes(whole.getvalue()[:-40])
    (violation,) = refused(take, table, **given)
    assert "is truncated, or not a zip file" in violation.message
    broken = bytearray(whole.getvalue())
    broken[200:220] = bytes(20)
    path.write_bytes(bytes(broken))
    (violation,) = refused(take, table, **given)
    assert violation.file == "data/export.zip"


def test_memory_follows_what_is_kept_and_not_the_file(
    study: Path, take: Callable, contract: Callable
) -> None:
    path = study / "data" / "export.xml"
    steps = "".join(
        record("HKQuantityTypeIdentifierStepCount", 9, "2026-03-01 08:30:00 +0100", unit="count")
        for _ in range(500)
    )
    with path.open("w") as file:
        file.write(HEAD)
        for _ in range(100):
            file.write(steps)
        file.write(RECORDS[0] + "</HealthData>\n")
    assert path.stat().st_size > 20_000_000
    table = contract(key=("subject", "end"), **TABLE)
    take(table, file="data/export.xml", types=(HR,), columns=COLUMNS)
    tracemalloc.start()
    data = take(table, file="data/export.xml", types=(HR,), columns=COLUMNS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.n_rows == 1
    assert peak < 8_000_000
