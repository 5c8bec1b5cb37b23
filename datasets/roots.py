"""Which files a source names, and that all of them lie under a declared root.

A study reads nothing outside its roots: paths are resolved through symbolic links before they are compared,
and `..` is refused as written, so that what a study may read can be seen in its study.yaml.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..protocols.errors import ContractError, Violation
from . import tracked_files
from .sources import Source
from .stores import Store, StoreOptions, declared
from .tracked_files import TrackedRoot

Format = str
"""Word for a format, as `format` in study.yaml."""
ENDINGS: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True)
class Roots:
    """The folders a study may read from.

    Attributes:
        base: The study folder; relative paths start here.
        folders: Name -> resolved folder.
        written: Name -> the folder as the study writes it, for messages.
        stores: Name -> root in an object store, or in an experiment tracker.
    """

    base: Path
    folders: Mapping[str, Path]
    written: Mapping[str, str]
    stores: Mapping[str, Store | TrackedRoot] = field(default_factory=dict)

    @staticmethod
    def of(base: Path, roots: Mapping[str, str], options: Mapping[str, StoreOptions] | None = None) -> Roots:
        """Resolve the declared roots. One may be absolute (a shared disk): declaring it is the permission.

        Args:
            base: The study folder.
            roots: Name -> folder, or address in an object store.
            options: Name of a root -> how its store is reached.

        Raises:
            ContractError: An address that names no store.
        """
        asked = options or {}
        tracked, violations = tracked_files.declared(roots, asked, base.resolve())
        addresses = {name: path for name, path in roots.items() if not tracked_files.is_tracked(path)}
        try:
            of_stores = {name: one for name, one in asked.items() if name in addresses or name not in roots}
            stores: dict[str, Store | TrackedRoot] = {**declared(addresses, of_stores), **tracked}
        except ContractError as error:
            violations = [*error.violations, *violations]
        if violations:
            raise ContractError(violations)
        resolved = {name: (base / path).resolve() for name, path in roots.items() if name not in stores}
        return Roots(base.resolve(), resolved, dict(roots), stores)

    def contains(self, path: Path) -> bool:
        """Whether a path, symbolic links resolved, lies under a root."""
        real = path.resolve()
        return any(real.is_relative_to(folder) for folder in self.folders.values())

    def name(self, path: Path) -> str:
        """The path as messages and records show it: relative to the study folder where it lies inside."""
        try:
            return path.relative_to(self.base).as_posix()
        except ValueError:
            return path.as_posix()

    def outside(self, written: str, *, key: str) -> Violation:
        """What is said of a source that lies elsewhere."""
        declared = ", ".join(f"{name}: {path}" for name, path in self.written.items()) or "none"
        return Violation(
            f"lies outside the declared roots ({declared}); declare its folder under `roots` in study.yaml.",
            file=written,
            key=key,
            found=written,
        )

    def check_written(self, written: str, *, key: str) -> None:
        """Refuse `..` in a path or pattern as written.

        Raises:
            ContractError: The path climbs.
        """
        if ".." in Path(written).parts:
            raise ContractError(
                [
                    Violation(
                        "a path may not contain `..`; start at the study folder, or declare a root there.",
                        file=written,
                        key=key,
                        found=written,
                    )
                ]
            )


def files(source: Source, roots: Roots, *, key: str) -> list[tuple[Path, Format]]:
    """The files of a `file`, `glob` or `folder` source with their formats, sorted by path.

    Raises:
        ContractError: Missing, empty, outside the roots, or of no known format; every file concerned is
            named.
    """
    if source.file is not None:
        found = [_single(source.file, roots, key)]
    elif source.glob is not None:
        found = _matched(source.glob, roots, key)
    else:
        found = _inside(source.folder or "", source.format, roots, key)
    violations: list[Violation] = []
    formats: list[tuple[Path, Format]] = []
    for path in found:
        ending = source.format or ENDINGS.get(path.suffix.lower())
        if not roots.contains(path):
            violations.append(roots.outside(roots.name(path), key=key))
        elif ending is None:
            violations.append(_unknown_format(roots.name(path), key))
        else:
            formats.append((path, ending))
    if len({ending for _, ending in formats}) > 1:
        violations.append(
            Violation(
                "CSV and Parquet files are mixed in one source; choose one with `format`.",
                file=source.glob or source.folder,
                key=key,
            )
        )
    if violations:
        raise ContractError(violations)
    return formats


def anchor(source: Source, roots: Roots) -> Path | None:
    """The folder below which a source's files lie; None for a single file."""
    if source.folder is not None:
        return roots.base / source.folder
    if source.glob is not None:
        return roots.base / Path(*_until_wildcard(Path(source.glob).parts))
    return None


def _single(written: str, roots: Roots, key: str) -> Path:
    roots.check_written(written, key=key)
    path = roots.base / written
    if not roots.contains(path):
        raise ContractError([roots.outside(written, key=key)])
    if path.is_dir():
        raise ContractError(
            [Violation("is a folder; use `folder` instead of `file`.", file=written, key=key, found=written)]
        )
    if not path.is_file():
        raise ContractError([Violation("there is no such file.", file=written, key=key, found=written)])
    return path


def _matched(pattern: str, roots: Roots, key: str) -> list[Path]:
    roots.check_written(pattern, key=key)
    fixed = Path(*_until_wildcard(Path(pattern).parts))
    if not any(
        (roots.base / fixed).resolve().is_relative_to(root)
        or root.is_relative_to((roots.base / fixed).resolve())
        for root in roots.folders.values()
    ):
        raise ContractError([roots.outside(pattern, key=key)])
    paths = [roots.base / match for match in glob.glob(pattern, root_dir=roots.base, recursive=True)]  # noqa: PTH207 - Path.glob refuses absolute patterns
    found = sorted(path for path in paths if path.is_file())
    if not found:
        raise ContractError(
            [Violation("no file matches this pattern.", file=pattern, key=key, found=pattern)]
        )
    return found


def _until_wildcard(parts: tuple[str, ...]) -> list[str]:
    """The leading parts of a pattern that hold no wildcard."""
    fixed: list[str] = []
    for part in parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return fixed


def _inside(written: str, only: Format | None, roots: Roots, key: str) -> list[Path]:
    roots.check_written(written, key=key)
    folder = roots.base / written
    if not roots.contains(folder):
        raise ContractError([roots.outside(written, key=key)])
    if not folder.is_dir():
        raise ContractError([Violation("there is no such folder.", file=written, key=key, found=written)])
    accepted = [ending for ending, kind in ENDINGS.items() if only in (None, kind)]
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in accepted
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise ContractError(
            [
                Violation(
                    f"the folder holds no file ending in {', '.join(accepted)}.",
                    file=written,
                    key=key,
                    found=written,
                )
            ]
        )
    return found


def _unknown_format(name: str, key: str) -> Violation:
    accepted = ", ".join(ENDINGS)
    return Violation(
        f"the file's ending names no known format ({accepted}); say `format: csv` or `format: parquet`.",
        file=name,
        key=key,
    )
