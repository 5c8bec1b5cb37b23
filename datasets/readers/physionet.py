"""Records of PhysioNet by name, through the wfdb package's own download; only where a source declares one."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from ...protocols.errors import OutputError
from ..sources import Reading
from .base import refuse
from .wfdb_library import library

FOLDER = "physionet.org"
_NAME = re.compile(r"[A-Za-z0-9_-]+/\d[A-Za-z0-9.]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")


def fetch(record: str, how: Reading, folder: Path, *, key: str) -> Path:
    """Download a record's header and what `how` reads of it.

    Args:
        record: Project, version and name, such as `mitdb/1.0.0/100`: with its version, what is read today is
            what is read tomorrow.
        how: Which annotator, or the signals.
        folder: Where to put it; files lie below `physionet.org`, as there.
        key: Dotted path of the source, for messages.

    Returns:
        The header's path.

    Raises:
        ContractError: Not such a name.
        OutputError: It cannot be downloaded: no network, no such record.
    """
    if _NAME.fullmatch(record) is None:
        message = "expected project, version and record, such as `mitdb/1.0.0/100`."
        raise refuse(message, record, key=f"{key}.physionet", found=record)
    header = _download(f"{record}.hea", folder)
    if (how.rows or "signals") == "signals":
        _signals(record, header, folder)
    elif how.annotator is not None:
        _download(f"{record}.{how.annotator}", folder)
    return header


def _signals(record: str, header: Path, folder: Path) -> None:
    """The signal files a header names, and the segments'."""
    place = posixpath.dirname(record)
    with library() as wfdb:
        found: Any = wfdb.rdheader(str(header.with_suffix("")))
    if hasattr(found, "seg_name"):
        for segment in dict.fromkeys(name for name in found.seg_name if name != "~"):
            _signals(f"{place}/{segment}", _download(f"{place}/{segment}.hea", folder), folder)
        return
    for name in dict.fromkeys(found.file_name or ()):
        if name != "~":
            _download(f"{place}/{name}", folder)


def _download(name: str, folder: Path) -> Path:
    target = folder / FOLDER / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with library() as wfdb:
        download, failure = wfdb.io.download, wfdb.io._url.NetFileError
    address = posixpath.join(download.config.db_index_url, name)
    try:
        download.dl_full_file(address, str(target))
    except (failure, OSError) as error:  # what `requests` raises is an OSError
        code = getattr(error, "status_code", None)
        why = f"the server answers {code}" if code else f"no answer ({type(error).__name__})"
        raise OutputError(
            f"{address}: cannot be downloaded: {why}. Where there is no network, put the record's files into "
            "the study and name them with `file`."
        ) from error
    return target
