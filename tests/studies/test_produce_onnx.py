"""Outputs of an ONNX model, against what its one matrix product gives by hand."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from accordance.protocols.errors import ContractError
from accordance.studies import produce
from accordance.studies.folder import load
from accordance.studies.produce_onnx import RUNTIME, predict
from accordance.studies.produce_program import fingerprint

from .conftest import RHYTHM_V2, V2, rows
from .test_produce import failed, failed_all, producing

needs_runtime = pytest.mark.skipif(
    importlib.util.find_spec(RUNTIME) is None, reason="the optional extra `onnx` is not installed"
)
BLOCK = (
    "onnx:\n          model: models/m.onnx\n          features: [rate, epoch]\n"
    "          carry: [epoch, rhythm]\n          results: {rate: y}\n"
)


def message(*fields: tuple[int, int | bytes | str]) -> bytes:
    """A protobuf message, as its encoding is specified: numbers as varints, the rest with its length."""

    def varint(value: int) -> bytes:
        low = value & 0x7F
        return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + varint(value >> 7)

    made = b""
    for number, value in fields:
        if isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            made += varint(number << 3 | 2) + varint(len(data)) + data
    return made


def product(weights: list[float], *, beside: str | None = None) -> bytes:
    """The ONNX model y = x w, x of any height (fields as in onnx.proto3); w may lie in a file beside it."""

    def value(name: str, width: int) -> bytes:
        shape = message((1, message((2, "n"))), (1, message((1, width))))
        return message((1, name), (2, message((1, message((1, 1), (2, shape))))))

    raw = struct.pack(f"<{len(weights)}f", *weights)
    tensor = message((1, len(weights)), (1, 1), (2, 1), (8, "w"), (9, raw))
    if beside:
        place = message((1, "location"), (2, beside))
        tensor = message((1, len(weights)), (1, 1), (2, 1), (8, "w"), (13, place), (14, 1))
    node = message((1, "x"), (1, "w"), (2, "y"), (4, "MatMul"))
    graph = message((1, node), (2, "g"), (5, tensor), (11, value("x", len(weights))), (12, value("y", 1)))
    return message((1, 8), (7, graph), (8, message((2, 13))))


@pytest.fixture
def model(tmp_path: Path):
    def write(weights: list[float]) -> str:
        path = tmp_path / "m.onnx"
        path.write_bytes(product(weights))
        return str(path)

    return write


@needs_runtime
def test_a_row_in_is_a_row_out(model):
    frame = pl.DataFrame({"a": [1.0, 2.0, None], "b": [10, 20, 30], "key": ["x", "y", "z"]})
    made = predict(
        frame, "007", model=model([2.0, 0.5]), features=["a", "b"], results={"rate": "y"}, carry=["key"]
    )
    assert made.columns == ["key", "rate"]
    assert made["key"].to_list() == ["x", "y", "z"]
    np.testing.assert_allclose(made["rate"].to_numpy(), [7.0, 14.0, np.nan])
    turned = predict(frame, "7", model=model([2.0, 0.5]), features=["b", "a"], results={"rate": "y"})
    np.testing.assert_allclose(turned["rate"].to_numpy(), [20.5, 41.0, np.nan])


@needs_runtime
def test_classes_become_labels(model):
    frame = pl.DataFrame({"flag": [0, 1, 1]})
    asked = {"model": model([1.0]), "features": ["flag"], "results": {"rhythm": "y"}}
    assert predict(frame, "7", **asked, labels=["SR", "AF"])["rhythm"].to_list() == ["SR", "AF", "AF"]
    with pytest.raises(ValueError, match="none of 1 labels"):
        predict(frame, "7", **asked, labels=["SR"])


@needs_runtime
def test_its_outputs_become_the_test_table(make_study):
    folder = producing(make_study, BLOCK)
    (folder / "models").mkdir()
    (folder / "models" / "m.onnx").write_bytes(product([1.0, 100.0]))
    (made,) = produce.produce(load(folder))
    assert (made.produced, dict(made.failed)) == (6, {})
    files = sorted((folder / "produced" / "v2" / "test").glob("*.csv"))
    found = pl.concat(pl.read_csv(path, schema_overrides={"subject": pl.String}) for path in files)
    expected = np.array(V2) + 100.0 * np.array(rows()["epoch"])
    np.testing.assert_allclose(found["rate"].to_numpy(), expected, rtol=1e-6)
    assert found["subject"].to_list() == rows()["subject"]
    assert found["rhythm"].to_list() == RHYTHM_V2
    (folder / "models" / "m.onnx").write_bytes(product([1.0, 0.0]))
    assert produce.produce(load(folder))[0].produced == 6  # another model, other outputs
    (folder / "models" / "m.onnx").write_bytes(b"no model")
    assert len(failed_all(load(folder))) == 6


@needs_runtime
def test_weights_beside_the_model_are_of_the_program(make_study):
    folder = producing(make_study, BLOCK)
    (folder / "models").mkdir()
    (folder / "models" / "m.onnx").write_bytes(product([1.0, 0.0], beside="m.onnx.data"))
    (folder / "models" / "notes.txt").write_text("not of the model")
    (folder / "models" / "m.onnx.data").write_bytes(struct.pack("<2f", 1.0, 0.0))
    assert produce.produce(load(folder))[0].produced == 6
    (folder / "models" / "notes.txt").write_text("changed")
    assert produce.produce(load(folder))[0].kept == 6
    (folder / "models" / "m.onnx.data").write_bytes(struct.pack("<2f", 2.0, 0.0))
    assert produce.produce(load(folder))[0].produced == 6
    found = pl.read_csv(folder / "produced" / "v2" / "test" / "001.csv")
    np.testing.assert_allclose(found["rate"].to_numpy(), [2 * V2[0], 2 * V2[1]], rtol=1e-6)


def test_files_that_a_model_names_are_of_the_program(make_study):
    folder = producing(make_study, BLOCK)
    (folder / "models").mkdir()
    (folder / "models" / "m.onnx").write_bytes(product([1.0, 0.0], beside="m.onnx.data"))
    for name in ("m.onnx.data", "notes.txt"):
        (folder / "models" / name).write_text(name)
    study = load(folder)
    spec = study.config.algorithm.versions["v2"].produce
    assert [name for name, _ in fingerprint(study, spec)] == ["models/m.onnx", "models/m.onnx.data"]


@needs_runtime
def test_what_is_carried_stays_as_it_is_written(make_study):
    signals = {**rows(rate=V2, rhythm=RHYTHM_V2), "night": ["01", "10"] * 6}
    folder = producing(
        make_study, BLOCK.replace("[epoch, rhythm]", "[epoch, rhythm, night]"), tables={"signals": signals}
    )
    (folder / "models").mkdir()
    (folder / "models" / "m.onnx").write_bytes(product([1.0, 0.0]))
    produce.produce(load(folder))
    found = pl.read_csv(folder / "produced" / "v2" / "test" / "001.csv", infer_schema=False)
    assert found["night"].to_list() == ["01", "10"]


def test_a_column_is_carried_or_a_result(make_study):
    with pytest.raises(ContractError, match="`rate` is carried and a result, too"):
        load(producing(make_study, BLOCK.replace("[epoch, rhythm]", "[epoch, rate]")))


@needs_runtime
def test_a_subject_whose_values_are_none_fails_alone(make_study):
    signals = {"signals": {**rows(rhythm=RHYTHM_V2), "rate": ["a", "b", *map(str, V2[2:])]}}
    folder = producing(make_study, BLOCK, tables=signals)
    (folder / "models").mkdir()
    (folder / "models" / "m.onnx").write_bytes(product([1.0, 0.0]))
    assert failed(produce.produce(load(folder))) == {"001": "raised InvalidOperationError"}


def test_everything_that_is_not_there_is_said_at_once(make_study, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == RUNTIME else find(name))
    folder = producing(make_study, BLOCK.replace("[rate, epoch]", "[ppg, rate]"))
    with pytest.raises(ContractError) as caught:
        produce.produce(load(folder))
    said = {str(one.key).rpartition("produce.")[2]: one.message for one in caught.value.violations}
    assert "there is no such file" in said["onnx.model"]
    by_message = " ".join(one.message for one in caught.value.violations)
    assert "pip install 'accordance[onnx]'" in by_message
    assert "the model needs columns that the input does not have: `ppg`; it has `subject`" in by_message


def test_a_model_takes_no_files_as_they_are(make_study):
    given = "{glob: 'data/*.csv', from_path: '{subject}.csv'}"
    with pytest.raises(ContractError, match="an ONNX model takes rows of a table"):
        produce.produce(load(producing(make_study, BLOCK, given=given)))
