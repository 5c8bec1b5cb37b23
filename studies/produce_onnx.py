"""An ONNX model over one subject's rows, through onnxruntime (the optional extra `onnx`)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

RUNTIME = "onnxruntime"


def predict(
    rows: pl.DataFrame,
    subject: str,
    *,
    model: str,
    features: Sequence[str],
    results: Mapping[str, str],
    carry: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> pl.DataFrame:
    """The outputs of a model for one subject, a row for each of the input's.

    Args:
        rows: The subject's rows.
        subject: Its key; the outputs get it elsewhere.
        model: File of the model.
        features: Columns that the model's first input takes, (rows, features) in float32; empty: NaN.
        results: Column -> name of the model's output, (rows,) or (rows, 1).
        carry: Columns kept beside the results.
        labels: Texts in place of whole numbers from 0 on.

    Raises:
        ImportError: There is no onnxruntime.
        ValueError: An output has not one value a row, or a class without a label.
    """
    del subject
    runtime: Any = importlib.import_module(RUNTIME)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # subjects run side by side already
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    asked = rows.select(pl.col(name).cast(pl.Float32).fill_null(float("nan")) for name in features)
    found = session.run(list(results.values()), {session.get_inputs()[0].name: asked.to_numpy()})
    columns = {
        name: _column(np.asarray(values), rows.height, labels)
        for name, values in zip(results, found, strict=True)
    }
    return pl.DataFrame({**{name: rows.get_column(name) for name in carry}, **columns})


def _column(values: np.ndarray[Any, Any], height: int, labels: Sequence[str]) -> list[Any]:
    if values.size != height:
        raise ValueError(f"an output of shape {values.shape} for {height} rows")
    flat = values.reshape(-1)
    if not labels:
        return list(flat.tolist())
    if not np.isin(flat, np.arange(len(labels))).all():
        raise ValueError(f"a class that is none of {len(labels)} labels")
    return [labels[int(one)] for one in flat]
