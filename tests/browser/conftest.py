"""Tests in a real browser: where it is, the demo that it visits, and the rule that the page never complains.

Without a Chromium these tests cannot run. They are then named, loudly, at the end of the run, together with the one
line that makes them run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.support.website import Website, Websites

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent.relative_to(ROOT).as_posix()
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "apt-get install --no-install-recommends chromium"
NO_CHROMIUM = "there is no Chromium"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but this machine can be reached, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
DEMO = "import sys; from proxy.demo.run import demo; sys.exit(demo())"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that did not run for want of a browser: a skip among hundreds of dots is easily missed."""
    skipped = [
        report.nodeid
        for report in terminalreporter.stats.get("skipped", [])
        if report.nodeid.startswith(HERE) and NO_CHROMIUM in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("BROWSER TESTS DID NOT RUN", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests need a real Chromium, and none was found. To run them:")
        terminalreporter.line(f"    {INSTALL}")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Find the browser: ``$CHROMIUM``, or the first of the usual names on the path."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(NO_CHROMIUM)
    return found


@pytest.fixture(scope="session")
def websites() -> Iterator[Websites]:
    """Start websites: files that want the same one share it, each begins with nothing sent."""
    running: dict[tuple[str, str], Website] = {}
    with ExitStack() as stack:

        def start(preset: str, more: str) -> Website:
            if (preset, more) not in running:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-"))).resolve()
                running[preset, more] = stack.enter_context(Website(folder, preset, more))
            return running[preset, more]

        yield start


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Start the browser, once per module: while it is there, playwright's loop runs, and no asyncio test can."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def demo(chromium_path: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start a demo of this test's own, in a process of its own; yields the URLs of its ready line, by name."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", DEMO],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:2] == ["sayso", "ready"]
        yield dict(word.split("=", 1) for word in words[2:])
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Make a browser profile: no cookies, English."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, demo: dict[str, str]) -> Iterator[Page]:
    """Open a page that fails its test if it writes to the console, throws, is refused something or asks another machine."""
    complaints: list[str] = []
    own = {urlsplit(demo[name]).port for name in ("shop", "public")}

    def console(message: ConsoleMessage) -> None:
        complaints.append(f"console: {message.text}")

    def request(asked: Request) -> None:
        parts = urlsplit(asked.url)
        if parts.hostname not in {"127.0.0.1", "localhost"} or parts.port not in own:
            complaints.append(f"asked another: {asked.url}")

    def response(answer: Response) -> None:
        if answer.status >= 400:
            complaints.append(f"{answer.status}: {answer.url}")

    page = context.new_page()
    page.on("console", console)
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("request", request)
    page.on("response", response)
    yield page
    assert complaints == []
