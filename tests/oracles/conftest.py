"""Comparisons with reference decoders in JavaScript, and what to do where they cannot run: say so, loudly."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reference import FOLDER, Reference

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent.relative_to(ROOT).as_posix()
INSTALL = (
    "sh tools/ensure_oracles.sh   # needs node and npm: apt-get install --no-install-recommends nodejs npm"
)
NO_REFERENCE = "the reference decoder is not installed"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the comparisons that did not run: a skip among hundreds of dots is easily missed."""
    skipped = [
        report.nodeid
        for report in terminalreporter.stats.get("skipped", [])
        if report.nodeid.startswith(HERE) and NO_REFERENCE in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("COMPARISONS WITH THE REFERENCE DECODERS DID NOT RUN", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} tests need node and the packages of tests/oracles. To run them:"
        )
        terminalreporter.line(f"    {INSTALL}")


@pytest.fixture(scope="session")
def reference() -> Iterator[Reference]:
    """Start the reference decoders, once."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "@iabtechlabtcf").is_dir():
        pytest.skip(NO_REFERENCE)
    with Reference(node) as started:
        yield started
