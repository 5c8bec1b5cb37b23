"""Pages and tables made from the code when the documentation is built; nothing generated is committed.

A page says `<!-- generate: NAME -->` where a table belongs; one page a metric, a
family of functions and a library protocol are added to the site. An unknown name, or a public thing without
words, fails the strict build.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate_functions  # noqa: E402
import generate_language  # noqa: E402
import generate_measures  # noqa: E402
import generate_sleep  # noqa: E402
import generate_statistics  # noqa: E402
import generate_verbs  # noqa: E402

log = get_plugin_logger("accordance")
MARK = re.compile(r"<!-- generate: ([a-z-]+) -->")
GENERATORS: dict[str, Callable[[], str]] = {
    "protocol-language": generate_language.protocol,
    "study-language": generate_language.study,
    "metrics": generate_statistics.metric_table,
    "measures": generate_measures.measure_sections,
    "statistics": generate_functions.alphabetical_list,
    "intervals": generate_statistics.interval_table,
    "protocols": generate_statistics.protocol_table,
    "sleep-definitions": generate_sleep.definitions,
    "command-line": generate_verbs.verbs,
}


def generated_pages() -> dict[str, str]:
    """Path in the site -> Markdown of every page that exists only here."""
    pages = {f"metrics/{name}.md": text for name, text in generate_statistics.metric_pages().items()}
    pages |= {f"protocols/{name}.md": text for name, text in generate_statistics.protocol_pages().items()}
    pages |= {f"functions/{name}.md": text for name, text in generate_functions.family_pages().items()}
    for source, target in (("CONTRIBUTING.md", "contributing.md"), ("CHANGELOG.md", "changelog.md")):
        pages[target] = (ROOT / source).read_text(encoding="utf-8")
    return pages


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages into the navigation."""
    sections = {title: entries for section in config.nav or [] for title, entries in section.items()}
    sections["Statistics"].extend(
        {metric.title: f"metrics/{metric.name}.md"} for metric in generate_statistics.metrics()
    )
    functions = generate_functions.families()
    sections["Functions"].extend(
        {generate_functions.family_title(name): f"functions/{name}.md"} for name in functions
    )
    sections["Protocols"].extend(
        {name: f"protocols/{name}.md"} for name in generate_statistics.protocol_names()
    )
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, text in generated_pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fill the marks of a page."""

    def fill(match: re.Match[str]) -> str:
        if match[1] not in GENERATORS:
            log.warning(f"{page.file.src_uri}: nothing generates `{match[1]}`")
            return match[0]
        return GENERATORS[match[1]]()

    return MARK.sub(fill, inspect.cleandoc(markdown) if page.file.generated_by else markdown)
