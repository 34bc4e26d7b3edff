"""What is left of a user agent, a language and a screen size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.useragent import Browser, primary_language, rebuild, reduce_user_agent, screen_bucket, warm_up

WINDOWS = "Windows NT 10.0; Win64; x64"
CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.217"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007"

BROWSERS = [
    (f"Mozilla/5.0 ({WINDOWS}) {CHROMIUM} Safari/537.36", Browser("Chrome", "120", "Windows", mobile=False)),
    (
        f"Mozilla/5.0 ({WINDOWS}) {CHROMIUM} Safari/537.36 Edg/121.0.2210.61",
        Browser("Edge", "121", "Windows", mobile=False),
    ),
    (
        f"Mozilla/5.0 ({WINDOWS}) {CHROMIUM} Safari/537.36 OPR/106.0.0.0",
        Browser("Opera", "106", "Windows", mobile=False),
    ),
    (
        f"Mozilla/5.0 ({WINDOWS}; rv:121.0) Gecko/20100101 Firefox/121.0",
        Browser("Firefox", "121", "Windows", mobile=False),
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
        Browser("Safari", "17", "Mac OS X", mobile=False),
    ),
    (
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROMIUM} Safari/537.36",
        Browser("Chrome", "120", "Mac OS X", mobile=False),
    ),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/119.0",
        Browser("Firefox", "119", "Linux", mobile=False),
    ),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROMIUM} Safari/537.36",
        Browser("Chrome", "120", "Chrome OS", mobile=False),
    ),
    (
        f"{IPHONE} Version/17.1.2 Mobile/15E148 Safari/604.1",
        Browser("Mobile Safari", "17", "iOS", mobile=True),
    ),
    (
        f"{IPHONE} CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
        Browser("Chrome Mobile iOS", "120", "iOS", mobile=True),
    ),
    (
        f"{IPHONE} FxiOS/121.0 Mobile/15E148 Safari/605.1.15",
        Browser("Firefox iOS", "121", "iOS", mobile=True),
    ),
    (
        f"{IPHONE} Version/17.0 EdgiOS/120.0.2210.61 Mobile/15E148 Safari/604.1",
        Browser("Edge Mobile", "120", "iOS", mobile=True),
    ),
    (f"{ANDROID}) {CHROMIUM} Mobile Safari/537.36", Browser("Chrome Mobile", "120", "Android", mobile=True)),
    (f"{ANDROID}) {CHROMIUM} Safari/537.36", Browser("Chrome", "120", "Android", mobile=False)),
    (
        f"{ANDROID}; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.43 Mobile Safari/537.36",
        Browser("Chrome Mobile WebView", "120", "Android", mobile=True),
    ),
    (
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko)"
        " SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
        Browser("Samsung Internet", "23", "Android", mobile=True),
    ),
    (
        "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
        Browser("Firefox Mobile", "120", "Android", mobile=True),
    ),
    (
        f"{ANDROID}) {CHROMIUM} Mobile Safari/537.36 EdgA/120.0.0.0",
        Browser("Edge Mobile", "120", "Android", mobile=True),
    ),
    (
        f"{ANDROID}) {CHROMIUM} Mobile Safari/537.36 OPR/78.0.0.0",
        Browser("Opera Mobile", "78", "Android", mobile=True),
    ),
    (
        "Mozilla/5.0 (Android 13; Tablet; rv:120.0) Gecko/120.0 Firefox/120.0",
        Browser("Firefox Mobile", "120", "Android", mobile=False),
    ),
    (
        f"{ANDROID}) {CHROMIUM} Safari/537.36 EdgA/120.0.0.0",
        Browser("Edge Mobile", "120", "Android", mobile=False),
    ),
    (f"{ANDROID}) SomeBrowser/7.1 Mobile", Browser("Other", "", "Android", mobile=True)),
    (f"{ANDROID}) {CHROMIUM} Safari/537.36 Mobi", Browser("Chrome Mobile", "120", "Android", mobile=True)),
    (f"{IPHONE} Version/17.2 Safari/605.1.15", Browser("Mobile Safari UI/WKWebView", "", "iOS", mobile=True)),
    # In apps: the view counts, not the app, and none of what the app tells of the phone.
    (
        f"{ANDROID}; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36"
        " [FB_IAB/FB4A;FBAV/440.0.0.0.1;]",
        Browser("Chrome Mobile WebView", "119", "Android", mobile=True),
    ),
    (
        f"{IPHONE} Mobile/21B91 [FBAN/FBIOS;FBDV/iPhone14,5;FBSV/17.1;FBLC/nb_NO]",
        Browser("Mobile Safari UI/WKWebView", "", "iOS", mobile=True),
    ),
    (
        f"{IPHONE} Mobile/15E148 Instagram 310.0.0.0 (iPhone14,5; nb_NO)",
        Browser("Mobile Safari UI/WKWebView", "", "iOS", mobile=True),
    ),
    # What few have is not named.
    (
        f"Mozilla/5.0 ({WINDOWS}) {CHROMIUM} Safari/537.36 Vivaldi/6.5",
        Browser("Other", "", "Windows", mobile=False),
    ),
    (
        "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
        Browser("Other", "", "Windows", mobile=False),
    ),
    (
        f"Mozilla/5.0 (X11; Linux x86_64) {CHROMIUM.replace('Chrome', 'HeadlessChrome')}",
        Browser("Other", "", "Linux", mobile=False),
    ),
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", Browser("Other", "", "Other", mobile=False)),
    ("curl/8.1", Browser("Other", "", "Other", mobile=False)),
    ("", Browser("Other", "", "Other", mobile=False)),
    ("ola@example.com 41234567", Browser("Other", "", "Other", mobile=False)),
    ("x" * 100_000, Browser("Other", "", "Other", mobile=False)),
]


@pytest.mark.parametrize(("raw", "browser"), BROWSERS)
def test_user_agent_is_reduced(raw: str, browser: Browser) -> None:
    """Family, major version and system from closed lists; device, build and patch level are gone."""
    assert reduce_user_agent(raw) == browser


@pytest.mark.parametrize("browser", [browser for _, browser in BROWSERS])
def test_rebuilt_user_agent_says_the_same(browser: Browser) -> None:
    """A vendor that parses what we wrote finds the family, version and system we meant."""
    assert reduce_user_agent(rebuild(browser)) == browser


def test_rebuilt_user_agent_of_chrome_is_chromes_own() -> None:
    """The commonest browser reads exactly as its reduced user agent does."""
    assert rebuild(Browser("Chrome", "120", "Windows", mobile=False)) == (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.sampled_from([raw for raw, _ in BROWSERS]))
def test_nothing_unique_survives(extra: str, raw: str) -> None:
    """Whatever is added to a user agent, the rebuilt one is one of a few and reduces to itself."""
    browser = reduce_user_agent(f"{raw} {extra}")
    rebuilt = rebuild(browser)
    assert reduce_user_agent(rebuilt) == browser
    assert len(browser.major) <= 3
    assert rebuilt.isascii()
    assert len(rebuilt) < 200


def test_warm_up_is_repeatable() -> None:
    """Start-up may ask for it more than once."""
    warm_up()
    warm_up()


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("nb-NO,nb;q=0.9,en;q=0.8", "nb"),
        ("nb", "nb"),
        ("EN-us", "en"),
        ("nb_NO", "nb"),
        ("zh-Hant-TW", "zh"),
        ("se-NO", "se"),
        ("sma", "sma"),
        (" en ; q=1", "en"),
        ("*", None),
        ("", None),
        ("i-klingon", None),
        ("x-my-own-id", None),
        ("xqz", None),
        ("norsk", None),
        ("n", None),
        ("ola@example.com", None),
        ("12", None),
    ],
)
def test_primary_language(tag: str, language: str | None) -> None:
    """The primary subtag if it is a real language, of the first tag."""
    assert primary_language(tag) == language


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ("390x844", "390x844"),
        ("844x390", "390x844"),
        ("360x800", "390x844"),
        ("768x1024", "1024x768"),
        ("1024X768", "1024x768"),
        ("834x1194", "1024x768"),
        ("1280x720", "1920x1080"),
        ("1366x768", "1920x1080"),
        ("1920x1080", "1920x1080"),
        ("3440x1440", "1920x1080"),
        ("0x0", None),
        ("50x844", None),
        ("099x844", None),
        ("1920", None),
        ("1920x", None),
        ("1920x1080x24", None),
        ("-390x844", None),
        ("999999x999999", None),
        ("", None),
        ("ola@example.com", None),
    ],
)
def test_screen_bucket(size: str, bucket: str | None) -> None:
    """A phone, a tablet or a computer, whichever way it is held."""
    assert screen_bucket(size) == bucket
