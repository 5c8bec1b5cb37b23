"""Starting the app: Streamlit on this machine only, without telemetry."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from ..protocols.errors import UsageError
from ..reports.figures import theme
from .console import Output

HOST = "127.0.0.1"
FIRST_PORT = 8501
TRIES = 50

ENTRY = Path(__file__).with_name("entry.py")


def _colours(colours: theme.Theme, panel: str) -> dict[str, str]:
    """The app's colours for one appearance: those of the figures, so that both lie on one background."""
    return {
        "primaryColor": colours.point,
        "backgroundColor": colours.paper,
        "secondaryBackgroundColor": panel,
        "textColor": colours.ink,
        "linkColor": colours.point,
        "borderColor": colours.rule,
    }


def options(port: int, *, headless: bool) -> list[str]:
    """Streamlit's settings, on the command line so that no configuration file of the user changes them."""
    settings = {
        "server.address": HOST,
        "server.port": str(port),
        "server.headless": _word(headless),
        "server.allowedHosts": ["localhost", HOST],
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": "1",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "type",
        "client.showErrorLinks": "false",
        "theme.baseRadius": "small",
        "theme.showWidgetBorder": "true",
        **{f"theme.light.{name}": value for name, value in _colours(theme.LIGHT, "#f3f5f8").items()},
        **{f"theme.dark.{name}": value for name, value in _colours(theme.DARK, "#1d232b").items()},
    }
    return [
        f"--{name}={value}"
        for name, given in settings.items()
        for value in (given if isinstance(given, list) else [given])
    ]


def _word(value: bool) -> str:
    return "true" if value else "false"


def command(study: Path, port: int, *, headless: bool) -> list[str]:
    """The command line that starts the app on a study.

    `-P`: a file in the working folder, say a `click.py`, does not take the place of a library.
    """
    flags = options(port, headless=headless)
    return [sys.executable, "-P", "-m", "streamlit", "run", str(ENTRY), *flags, "--", str(study.resolve())]


def serve(study: Path, *, port: int | None, headless: bool, output: Output) -> None:
    """Become the app's server. Returns only by an error; Ctrl-C ends the server itself.

    Raises:
        UsageError: The folder does not exist, or the port is taken.
    """
    if not study.is_dir():
        raise UsageError(f"{study} is not a folder; give a study folder, or a folder of studies")
    chosen = _free_port(port)
    url = f"http://{HOST}:{chosen}"
    output.answer({"url": url, "study": str(study.resolve())})
    output.text(f"Accordance is at {url} (this machine only). Ctrl-C ends it.")
    sys.stdout.flush()
    if output.as_json:
        os.dup2(2, 1)  # the one JSON object stays alone on standard output
    arguments = command(study, chosen, headless=headless or not has_display())
    os.execv(arguments[0], arguments)  # noqa: S606 - our own interpreter, no shell


def has_display() -> bool:
    """Whether a browser could open here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _free_port(wanted: int | None) -> int:
    candidates = [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + TRIES)
    for port in candidates:
        if _is_free(port):
            return port
    if wanted is not None:
        raise UsageError(f"port {wanted} is in use; choose another with --port, or leave it out")
    raise UsageError(
        f"no free port between {FIRST_PORT} and {FIRST_PORT + TRIES - 1}; choose one with --port"
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
