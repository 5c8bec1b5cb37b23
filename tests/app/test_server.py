"""Starting the app: on this machine only, telling nobody, whatever the user's folder and settings hold."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from accordance.app import server
from accordance.app.cli import main
from accordance.app.console import Output


def test_settings_keep_everything_on_this_machine() -> None:
    settings = server.options(8501, headless=True)
    for wanted in (
        "--server.address=127.0.0.1",
        "--browser.gatherUsageStats=false",
        "--server.headless=true",
        "--server.allowedHosts=127.0.0.1",
        "--client.showErrorLinks=false",
    ):
        assert wanted in settings


def test_a_taken_port_is_a_usage_error(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["app", str(tiny), "--port", str(port)]) == 2
    assert f"port {port} is in use" in capsys.readouterr().err


def test_no_folder_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["app", str(tmp_path / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_the_first_free_port_is_taken(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(server.os, "execv", lambda _path, words: started.append(words))
    monkeypatch.setattr(server, "_is_free", lambda port: port >= server.FIRST_PORT + 2)
    server.serve(tiny, port=None, headless=False, output=Output())
    assert f"--server.port={server.FIRST_PORT + 2}" in started[0]
    assert started[0][-1] == str(tiny.resolve())


def test_it_starts_beside_a_file_named_like_a_library_and_answers_json_alone(tiny: Path) -> None:
    (tiny / "click.py").write_text("raise RuntimeError('taken for a library')")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "accordance.app",
            "app",
            ".",
            "--port",
            str(port),
            "--headless",
            "--json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tiny,
    )
    try:
        end = time.monotonic() + 60
        answered = False
        while not answered and time.monotonic() < end and running.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as reply:
                    answered = reply.status == 200
            except OSError:
                time.sleep(0.2)
    finally:
        running.terminate()
        try:
            said, _ = running.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            running.kill()
            said, _ = running.communicate()
    assert answered
    assert json.loads(said) == {"url": f"http://127.0.0.1:{port}", "study": str(tiny.resolve())}
