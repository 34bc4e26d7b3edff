"""Consent platforms in a real browser, with the real loader and the real gateway; and what to do where they cannot run."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

# The website, the browser and the page are those of the loader's own tests.
from tests.browser.loader.conftest import browser, context, page, site, website

__all__ = ["browser", "context", "page", "site", "website"]

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
NOT_INSTALLED = "the consent platforms are not installed"
INSTALL = "sh tools/ensure_cmps.sh   # needs node and npm: apt-get install --no-install-recommends nodejs npm"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that did not run: a skip among hundreds of dots is easily missed."""
    skipped = [
        report.nodeid
        for report in terminalreporter.stats.get("skipped", [])
        if NOT_INSTALLED in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("TESTS WITH REAL CONSENT PLATFORMS DID NOT RUN", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests need the packages of tests/browser/cmps. To run them:")
        terminalreporter.line(f"    {INSTALL}")


@pytest.fixture(scope="session")
def module_file() -> Callable[[str], bytes]:
    """Return what reads a file of an installed platform."""
    if not (MODULES / "klaro").is_dir():
        pytest.skip(NOT_INSTALLED)
    return lambda path: (MODULES / path).read_bytes()


@pytest.fixture(scope="session")
def bundled(
    module_file: Callable[[str], bytes], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], bytes]:
    """Return what makes one script of a file in ``pages`` and all that it imports."""
    del module_file
    folder = tmp_path_factory.mktemp("bundles")
    bundler = next(MODULES.glob("@esbuild/*/bin/esbuild"), None) or shutil.which("esbuild")
    if bundler is None:
        pytest.skip(NOT_INSTALLED)

    def bundle(name: str) -> bytes:
        made = folder / name
        if not made.exists():
            subprocess.run(  # noqa: S603 - a bundler that is pinned by its hash
                [
                    str(bundler),
                    str(FOLDER / "pages" / name),
                    "--bundle",
                    f"--outfile={made}",
                    "--log-level=error",
                ],
                check=True,
            )
        return made.read_bytes()

    return bundle
