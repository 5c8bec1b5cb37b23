"""The wheel: built, installed into an environment of its own and used there. Slow; `make wheel` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that has to succeed."""
    clean = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def uv() -> Path:
    local = ROOT / ".uv" / "bin" / "uv"
    found = str(local) if local.is_file() else shutil.which("uv")
    if found is None:
        pytest.skip("uv is neither in .uv/bin nor on the PATH")
    return Path(found)


@pytest.fixture(scope="module")
def wheel(uv: Path) -> Path:
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(uv, "build", "--quiet", "--out-dir", dist, cwd=ROOT)  # the sdist, and the wheel from the sdist
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(uv: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel and its locked dependencies."""
    folder = tmp_path_factory.mktemp("elsewhere")
    locked = folder / "constraints.txt"
    export = ("export", "--quiet", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes")
    run(uv, *export, "--output-file", locked, cwd=ROOT)
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    interpreter = folder / "venv" / "bin" / "python"
    install = ("pip", "install", "--quiet", "--python", interpreter, "--constraint", locked)
    run(uv, *install, wheel, cwd=folder)
    return interpreter


def test_the_wheel_holds_code_and_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"accordance"}
    assert not [name for name in names if "/tests/" in name or "__pycache__" in name or "/.links/" in name]
    for folder, endings in {
        "accordance/protocols/library/": (".yaml",),
        "accordance/studies/examples/": (".yaml", ".csv", ".md"),
        "accordance/studies/ci/": (".yml",),
        "accordance/reports/": (".j2", ".css", ".ttf"),
        "accordance/evaluators/": (".py",),
    }.items():
        held = {Path(name).suffix for name in names if name.startswith(folder)}
        assert held.issuperset(endings), f"{folder}: {held}"
    assert "accordance/py.typed" in names


def test_every_file_of_the_checkout_is_in_the_wheel(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    layers = ("evaluators/", "protocols/", "datasets/", "studies/", "reports/", "app/")
    product = {f"accordance/{name}" for name in listed if name.startswith(layers)}
    assert sorted(product - held) == []


def test_it_imports_from_the_wheel(python: Path, tmp_path: Path) -> None:
    code = "import accordance; print(accordance.__file__); from accordance.evaluators import bland_altman"
    assert str(python.parent.parent) in run(python, "-c", code, cwd=tmp_path)
    names = "('evaluators', 'protocols', 'studies', 'reports', 'app')"
    leaked = f"import importlib.util as u; print([name for name in {names} if u.find_spec(name)])"
    assert run(python, "-c", leaked, cwd=tmp_path).strip() == "[]"


def test_the_main_job_runs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    accordance = python.parent / "accordance"
    assert "0." in run(accordance, "--version", cwd=tmp_path)
    run(accordance, "init", "study", "--example", "pefr-1986", cwd=tmp_path)
    output = run(accordance, "run", "study", cwd=tmp_path)
    assert "2.1176" in output  # bias, l/min: Bland and Altman 1986, Lancet i:307-310, first readings
    run(accordance, "report", "study", cwd=tmp_path)
    (report,) = (tmp_path / "study" / "runs").glob("*/report.pdf")
    assert report.read_bytes().startswith(b"%PDF-")
