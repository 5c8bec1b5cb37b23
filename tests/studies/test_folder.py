"""study.yaml, the protocol and the data: everything wrong is said at once, with its place."""

from __future__ import annotations

import pytest

from accordance.protocols.errors import AccordanceError, ContractError, UsageError
from accordance.studies.check import check, examine
from accordance.studies.folder import load


def edit(study, old, new, file="study.yaml"):
    path = study / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_study_that_holds(make_study):
    checked = examine(make_study())
    assert checked.study.versions == ("v1", "v2")
    assert checked.study.deciding_version == "v2"
    summary = [(one["table"], one["version"], one["rows"], one["subjects"]) for one in checked.summary()]
    assert summary == [
        ("subjects", None, 6, 6),
        ("reference", None, 12, 6),
        ("test", "v1", 12, 6),
        ("test", "v2", 12, 6),
    ]
    assert checked.summary()[2]["files"] == ["data/test_v1.csv"]


def test_the_path_of_study_yaml_will_do(make_study):
    study = make_study()
    assert load(study / "study.yaml").path == study


BROKEN = [
    ("protocol: protocol.yaml", "protocl: protocol.yaml", "study.yaml:4:1: protocl"),
    (
        "  reference: {file",
        "  referenc: {file",
        "study.yaml:7:3: sources.referenc: the protocol has no table",
    ),
    ("  reference: {file", "  referenc: {file", "sources: a source for table `reference` is missing"),
    (
        "  reference: {file",
        "  test: {file: x.csv}\n  reference: {file",
        "`test` is a test table: it belongs to each",
    ),
    ("{test: {file: data/test_v1.csv}}", "{tests: {file: data/test_v1.csv}}", "Did you mean `test`?"),
    (
        "{test: {file: data/test_v1.csv}}",
        "{reference: {file: data/test_v1.csv}}",
        "`reference` is shared by all versions",
    ),
    ("  name: Algorithm", "  name: Algorithm\n  decides: v3", "there is no version `v3`; there are: v1, v2"),
    ("data/test_v2.csv", "data/test_v3.csv", "data/test_v3.csv"),
    ("data/test_v2.csv", "../elsewhere.csv", ".."),
    ("schema: accordance/study/1", "schema: accordance/study/9", "study.yaml:1:"),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_what_is_wrong_is_said_with_its_place(make_study, old, new, message):
    study = make_study()
    edit(study, old, new)
    with pytest.raises(ContractError) as caught:
        check(study)
    assert caught.value.exit_code == 4
    assert message in str(caught.value).replace(str(study) + "/", "")


def test_no_version_at_all(make_study):
    study = make_study()
    text = (study / "study.yaml").read_text(encoding="utf-8")
    (study / "study.yaml").write_text(
        text[: text.index("  versions:")] + "  versions: {}\n", encoding="utf-8"
    )
    with pytest.raises(ContractError, match="at least one version is needed"):
        check(study)


def test_study_and_protocol_are_judged_together(make_study):
    study = make_study()
    edit(study, "  name: Algorithm", "  name: Algorithm\n  decides: v3")
    edit(study, "metric: rmse", "metric: rsme", file="protocol.yaml")
    with pytest.raises(ContractError) as caught:
        check(study)
    text = str(caught.value)
    assert "there is no version `v3`" in text
    assert "rsme" in text


def test_the_violations_of_all_tables_are_listed(make_study):
    study = make_study()
    edit(study, "AF", "VT", file="data/test_v1.csv")
    edit(study, "60.0", "-60.0", file="data/reference.csv")
    edit(study, "A", "Z", file="data/subjects.csv")
    with pytest.raises(ContractError) as caught:
        check(study)
    assert {violation.key for violation in caught.value.violations} >= {"rhythm", "rate", "cohort"}


def test_no_protocol_file(make_study):
    study = make_study()
    (study / "protocol.yaml").unlink()
    with pytest.raises(AccordanceError, match="no protocol file"):
        check(study)


def test_no_study(tmp_path):
    with pytest.raises(UsageError, match="accordance init"):
        load(tmp_path)


def test_a_misspelt_study_does_not_hide_what_is_wrong_with_its_protocol(make_study):
    study = make_study()
    edit(study, "title:", "titel:")
    edit(study, "metric: rmse", "metric: rmsse", file="protocol.yaml")
    with pytest.raises(ContractError) as caught:
        load(study)
    keys = {violation.key for violation in caught.value.violations}
    assert {"titel", "endpoints.error.metric"} <= keys
