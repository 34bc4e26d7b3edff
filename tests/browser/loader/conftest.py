"""The loader in a real browser: a website with Sayso behind it for each file, a fresh profile for each test."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.website import ARGS, Website, Websites


@pytest.fixture(scope="module")
def website(request: pytest.FixtureRequest, websites: Websites) -> Website:
    """Return the website of a file, which may set ``PRESET`` and ``MORE`` (lines of ``[sites.shop]``)."""
    return websites(getattr(request.module, "PRESET", "consent-mode"), getattr(request.module, "MORE", ""))


@pytest.fixture
def site(website: Website) -> Iterator[Website]:
    """Return the website; nothing was sent yet, and it has no pages."""
    website.forget()
    yield website
    website.mend()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Start the browser once per file, with back/forward cache, which playwright switches off otherwise."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=ARGS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Make a browser profile: no cookies, English."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Open an empty page."""
    return context.new_page()
