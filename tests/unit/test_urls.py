"""What of a page's address may leave."""

import time
from urllib.parse import quote, unquote, unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.clickids import CLICK_IDS
from proxy.scrub import MARK as TEXT_MARK
from proxy.sensitive_keys import is_sensitive
from proxy.urls import MAX_LENGTH, cookieless_url, full_url, origin_of, reduce_url, scrub_value, utm_params
from tests.support.personal_data import PERSONAL

GCLID = "EAIaIQobChMI6d7x8Y_3gQMVCJdoCR0vJwEYEAAYASAAEgKz1_D_BwE"
NONE: frozenset[str] = frozenset()

UNCHANGED = [
    "https://shop.example",
    "https://shop.example/",
    "http://127.0.0.1:8080/thanks",
    "http://[::1]:8080/thanks?page=2",
    "https://shop.example:8443/thanks?utm_source=news&utm_medium=email",
    "https://shop.example/klær/genser?farge=blå",
    "https://shop.example/kl%C3%A6r/bl%C3%A5-genser?farge=bl%C3%A5",
    "https://shop.example/mobil/apple-iphone-15-pro-max-256gb-natural-titanium",
    "https://shop.example/mobil/samsung-galaxy-s24-ultra-256gb",
    "https://shop.example/p/Apple-iPhone-15-Pro-Max-256GB-Natural-Titanium-5G",
    "https://shop.example/p/7038010000123?ean=7038010000123",
    "https://shop.example/order/ORDER-2026-000123",
    "https://shop.example/blogg/2026/11/22/black-friday",
    "https://shop.example/arkiv?dato=2026-11-22&til=30.11.2026",
    "https://shop.example/sok?q=str+38+39+40+41&sort_key=price",
    "https://shop.example/sok?q=lego+10294123&product_name=Genser",
    "https://shop.example/o/550e8400-e29b-41d4-a716-446655440000",
    "https://shop.example/account/password/reset",
    "https://shop.example/@olanordmann/maps/@59.91,10.75,12z",
    "https://shop.example/?a&b=&c=1",
    "https://shop.example/?price=100-200&size=42&color=blue&currency=NOK",
    "https://shop.example/a//b/?x=https://other.example/path",
    "https://shop.example/?t=1795341600000",
]


@pytest.mark.parametrize("url", UNCHANGED)
def test_ordinary_urls_survive(url: str) -> None:
    """Pages, articles, searches, dates and order numbers reach the reports as they are."""
    assert full_url(url, NONE) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ola:pw@shop.example/", "https://shop.example/"),
        ("https://ola@example.com:pw@shop.example/", "https://shop.example/"),
        ("https://shop.example/thanks#ola@example.com", "https://shop.example/thanks"),
        ("https://shop.example/#/thanks?email=x", "https://shop.example/"),
        ("HTTPS://Shop.Example/Thanks", "https://shop.example/Thanks"),
        (" https://shop.example/\n", "https://shop.example/"),
        ("https://shop.example/a\tb", "https://shop.example/ab"),
        ("https://shop.example\\thanks", "https://shop.example/thanks"),
        ("https://shop.example/?&a=1&&b=2&", "https://shop.example/?a=1&b=2"),
        # click ids
        (f"https://shop.example/?gclid={GCLID}&a=1", "https://shop.example/?a=1"),
        (f"https://shop.example/?GCLID={GCLID}", "https://shop.example/"),
        (f"https://shop.example/?%67clid={GCLID}", "https://shop.example/"),
        (f"https://shop.example/?%2567clid={GCLID}", "https://shop.example/"),
        ("https://shop.example/?gclid[]=abcdef", "https://shop.example/"),
        ("https://shop.example/?a=1;gclid=abcdef", "https://shop.example/?a=redacted"),
        (f"https://shop.example/gclid={GCLID}/x", "https://shop.example/redacted/x"),
        ("https://shop.example/?to=%2Fx%3Fgclid%3Dabcdef", "https://shop.example/?to=redacted"),
        ("https://shop.example/?to=%252Fx%253Ffbclid%253Dabcdef", "https://shop.example/?to=redacted"),
        ("https://shop.example/?to=/x?fbclid=abcdef", "https://shop.example/?to=redacted"),
        # personal data, wherever
        ("https://shop.example/u/ola@example.com/x", "https://shop.example/u/redacted/x"),
        ("https://shop.example/u/ola%40example.com/x", "https://shop.example/u/redacted/x"),
        ("https://shop.example/?ola@example.com", "https://shop.example/?redacted"),
        ("https://shop.example/?ola%40example.com=1", "https://shop.example/?redacted=1"),
        ("https://shop.example/?q=ola%2540example.com&p=2", "https://shop.example/?q=redacted&p=2"),
        (
            "https://shop.example/?q=%25256f%25256c%252561%252540example.com",
            "https://shop.example/?q=redacted",
        ),
        (
            "https://shop.example/?q=" + quote(quote(quote(quote(quote("harmløs"))))),
            "https://shop.example/?q=redacted",
        ),
        ("https://shop.example/?u=b2xhQGV4YW1wbGUubm8=", "https://shop.example/?u=redacted"),
        ("https://shop.example/u/b2xhQGV4YW1wbGUubm8", "https://shop.example/u/redacted"),
        ("https://shop.example/?q=41+23+45+67", "https://shop.example/?q=redacted"),
        ("https://shop.example/?q=%2B47+41+23+45+67", "https://shop.example/?q=redacted"),
        ("https://shop.example/?q=+4741234567", "https://shop.example/?q=redacted"),
        ("https://shop.example/?q=4111+1111+1111+1111", "https://shop.example/?q=redacted"),
        ("https://shop.example/?q=203.0.113.77", "https://shop.example/?q=redacted"),
        ("https://shop.example/ip/2001:db8::1", "https://shop.example/ip/redacted"),
        ("https://shop.example/?q=ola%09%40example.com", "https://shop.example/?q=redacted"),
        ("https://shop.example/?q=ola\u200b@example.com", "https://shop.example/?q=redacted"),
        ("https://shop.example/?s=d41d8cd98f00b204e9800998ecf8427e", "https://shop.example/?s=redacted"),
        # by name
        (
            "https://shop.example/?email=x&phone=41234567&a=1",
            "https://shop.example/?email=redacted&phone=redacted&a=1",
        ),
        (
            "https://shop.example/?token=abc&session_id=7",
            "https://shop.example/?token=redacted&session_id=redacted",
        ),
        (
            "https://shop.example/?customer%5BfirstName%5D=Ola",
            "https://shop.example/?customer%5BfirstName%5D=redacted",
        ),
        ("https://shop.example/?name=Ola&password=", "https://shop.example/?name=redacted&password="),
        ("https://shop.example/?to=%2Fx%3Ftoken%3Dabc", "https://shop.example/?to=redacted"),
        ("https://shop.example/cart;jsessionid=1A2B", "https://shop.example/redacted"),
        (
            "https://shop.example/reset-password/9f8a7b6c5d4e3f2a1b0c",
            "https://shop.example/reset-password/redacted",
        ),
        (
            "https://shop.example/session/550e8400-e29b-41d4-a716-446655440000",
            "https://shop.example/session/redacted",
        ),
    ],
)
def test_full_url(url: str, expected: str) -> None:
    """User names, fragments, click ids and personal data go; the rest of the URL stays usable."""
    assert full_url(url, NONE) == expected


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (frozenset({"gclid", "gbraid"}), f"https://shop.example/?a=1&GCLID={GCLID}&b=2"),
        (frozenset({"fbclid"}), "https://shop.example/?a=1&fbclid=IwAR0-x_y&b=2"),
        (frozenset(CLICK_IDS), f"https://shop.example/?a=1&GCLID={GCLID}&fbclid=IwAR0-x_y&b=2"),
        (NONE, "https://shop.example/?a=1&b=2"),
    ],
)
def test_each_receiver_keeps_its_own_click_ids(keep: frozenset[str], expected: str) -> None:
    """One reduction serves all receivers, and none sees another's ids; an invalid one goes for all."""
    url = f"https://shop.example/?a=1&GCLID={GCLID}&fbclid=IwAR0-x_y&msclkid=ola@example.com&b=2"
    reduced = reduce_url(url)
    assert reduced is not None
    assert reduced.full(keep) == expected == full_url(url, keep)
    assert reduced.click_ids == {"gclid": GCLID, "fbclid": "IwAR0-x_y"}
    assert reduced.cookieless() == "https://shop.example/"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/thanks?utm_source=news", "https://shop.example/thanks?utm_source=news"),
        (
            "https://shop.example:8443/a?x=1&utm_source=news&gclid=abcdef&UTM_Term=x",
            "https://shop.example:8443/a?utm_source=news&UTM_Term=x",
        ),
        (f"https://ola@shop.example/a?gclid={GCLID}#frag", "https://shop.example/a"),
        (
            "https://shop.example/u/ola@example.com?utm_source=ola%40example.com",
            "https://shop.example/u/redacted?utm_source=redacted",
        ),
        (
            "https://shop.example/?utm_id=550e8400-e29b-41d4-a716-446655440000",
            "https://shop.example/?utm_id=redacted",
        ),
        (
            "https://shop.example/?utm_id=550e8400%2De29b%2D41d4%2Da716%2D446655440000",
            "https://shop.example/?utm_id=redacted",
        ),
        (f"https://shop.example/?utm_content={GCLID}", "https://shop.example/?utm_content=redacted"),
        (
            "https://shop.example/?utm_email=ola&utm_visitor_id=x7",
            "https://shop.example/?utm_email=redacted&utm_visitor_id=redacted",
        ),
        (
            "https://shop.example/?utm_campaign=vinter%202026&utmx=1&utm_=2&utm_a-b=3",
            "https://shop.example/?utm_campaign=vinter%202026",
        ),
        ("https://shop.example/?utm_source", "https://shop.example/?utm_source"),
        ("about:blank", None),
    ],
)
def test_cookieless_url(url: str, expected: str | None) -> None:
    """Only campaign parameters stay, and they name campaigns, not people."""
    assert cookieless_url(url) == expected


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "about:blank",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///home/ola",
        "//shop.example/",
        "/thanks",
        "shop.example",
        "ftp://shop.example/",
        "https:/shop.example",
        "https://",
        "https:///x",
        "https://?x",
        "https://a b/",
        "https://ex%61mple.com/",
        "https://shop.example:port/",
        "https://[::1/",
        "https://" + "a" * 9000,
        "blob:https://shop.example/x",
    ],
)
def test_what_is_no_page_is_none(junk: str) -> None:
    """Nothing is made of what is not an absolute http(s) URL."""
    assert full_url(junk, NONE) is None
    assert cookieless_url(junk) is None
    assert origin_of(junk) is None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://www.google.com/search?q=secret#x", "https://www.google.com"),
        ("http://ola:pw@Other.example:8080/x", "http://other.example:8080"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://bücher.example/x", "https://bücher.example"),
        ("android-app://com.google.android.gm/https/x", "android-app://com.google.android.gm"),
        ("android-app://com.example", "android-app://com.example"),
        ("ios-app://123/x", None),
    ],
)
def test_origin(url: str, origin: str | None) -> None:
    """Of a referrer only scheme, host and port stay."""
    assert origin_of(url) == origin


def test_utm_params() -> None:
    """Campaign parameters for reports: decoded, scrubbed, the first of a name."""
    url = "https://shop.example/?UTM_Source=news+letter&utm_campaign=bl%C3%A5&utm_source=x&utm_term=ola%40example.com&utm_email=x&q=1"
    assert utm_params(url) == {"utm_source": "news letter", "utm_campaign": "blå", "utm_term": TEXT_MARK}
    assert utm_params("https://shop.example/") == {}
    assert utm_params("junk") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"https://other.example/x?gclid={GCLID}&token=abc", "https://other.example/x?token=redacted"),
        ("https://gclid=abc def", "redacted"),
        ("ring ola@example.com", f"ring {TEXT_MARK}"),
        ("Genser", "Genser"),
    ],
)
def test_free_parameters_may_be_urls(text: str, expected: str) -> None:
    """A link that an event reports is reduced as a page's is."""
    assert scrub_value(text) == expected


@pytest.mark.parametrize(
    "name",
    [
        "email", "E-Mail", "eMail", "user_email", "user%5Bemail%5D", "billing.first_name", "lastName", "name", "Name",
        "phone", "tlf", "mobilnummer", "token", "csrf_token", "accessToken", "PHPSESSID", "sessionID", "session",
        "apiKey", "api_key", "key", "password", "pwd", "sid", "uid", "user_id", "customer_id", "fnr", "fødselsnummer",
        "f%C3%B8dselsnummer", "cpr", "iban", "cvc", "lat", "ip", "client_ip", "postnummer", "signature", "auth",
    ],
)  # fmt: skip
def test_sensitive_names(name: str) -> None:
    """What these parameters hold is personal or secret whatever it looks like."""
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    [
        "q", "id", "page", "item_name", "product_name", "filename", "hostname", "sort_key", "keyword", "utm_source",
        "utm_term", "color", "variant", "order", "order_id", "transaction_id", "city", "country", "tab", "zipper",
        "monkey", "description", "ipad", "telly", "mailbox", "passenger", "", "-",
    ],
)  # fmt: skip
def test_harmless_names(name: str) -> None:
    """Names that only look alike do not cost a report its parameters."""
    assert not is_sensitive(name)


def test_long_urls_end_at_a_boundary() -> None:
    """Never within a parameter or segment: half an address would pass the patterns."""
    long = full_url("https://shop.example/x?" + "&".join(f"p{index}=value" for index in range(400)), NONE)
    assert long is not None
    assert len(long) <= MAX_LENGTH
    assert long.endswith("=value")
    assert (
        full_url("https://shop.example/" + "segment/" * 500, NONE)
        == "https://shop.example/" + "segment/" * 247
    )
    assert full_url("https://shop.example/x?a=1&b=" + "v/" * 3000, NONE) == "https://shop.example/x?a=1"
    assert full_url("https://shop.example/x?a=" + "v" * 9000, NONE) == "https://shop.example/x"
    split = full_url("https://shop.example/x?" + "a=1&" * 2040 + "e=ola@example.com", NONE)
    assert split is not None
    assert "ola" not in split


def decoded(text: str) -> list[str]:
    """Return a text as it stands and decoded once and twice, with a plus as itself and as a blank."""
    forms = [text, unquote_plus(text)]
    forms += [unquote(form) for form in forms] + [unquote(unquote(text))]
    return forms


PLACES = [
    "https://shop.example/{}",
    "https://shop.example/a/{}/b",
    "https://shop.example/a/x,{},x/b?utm_source=x",
    "https://shop.example/?{}",
    "https://shop.example/?{}=1",
    "https://shop.example/?a=1&q={}&b=2",
    "https://shop.example/?utm_source={}",
    "https://shop.example/?utm_campaign=x,{},x",
    "https://shop.example/#{}",
    "https://ola:{}@shop.example/",
    "https://shop.example/?to=%2Fx%3Fq%3D{}",
    "https://shop.example/?gclid={}",
]


@settings(max_examples=400, deadline=None)
@given(PERSONAL, st.sampled_from(PLACES), st.integers(0, 2))
def test_personal_data_never_survives(secret: str, place: str, rounds: int) -> None:
    """In the path, a name, a value, plain or encoded once or twice: it is not in what leaves, plain or decoded."""
    written = secret
    for _ in range(rounds):
        written = quote(written, safe="")
    url = place.format(written)
    for reduced in (full_url(url, NONE), cookieless_url(url), origin_of(url)):
        assert reduced is None or not any(secret in form for form in decoded(reduced))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(CLICK_IDS)),
    st.from_regex(r"[A-Za-z0-9_-]{16,40}", fullmatch=True),
    st.sampled_from(PLACES),
)
def test_click_ids_never_survive(name: str, value: str, place: str) -> None:
    """No click id under its own name reaches a receiver that may not have it."""
    url = place.format(f"{name}={value}")
    for reduced in (full_url(url, NONE), cookieless_url(url)):
        assert reduced is None or not any(f"{name}={value}" in form for form in decoded(reduced))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_survived(text: str) -> None:
    """Never an error; what comes out is short, has no fragment or user name, and reduces to itself."""
    for url in (text, f"https://{text}", f"https://shop.example/{text}", f"https://shop.example/?{text}"):
        utm_params(url)
        origin_of(url)
        for reduce in (lambda url: full_url(url, NONE), cookieless_url):
            reduced = reduce(url)
            if reduced is not None:
                assert reduced.startswith(("https://", "http://"))
                assert "#" not in reduced
                assert "@" not in reduced.partition("://")[2].partition("/")[0].partition("?")[0]
                assert reduced.isprintable()
                assert reduce(reduced) == reduced


@pytest.mark.parametrize(
    "seed",
    [
        "a",
        "@",
        "a@a.",
        "%25",
        "%41",
        "1 ",
        "1+",
        "+47",
        ":",
        "eyJa.",
        "A1b",
        "-",
        "=",
        "&",
        "a=&",
        "/",
        ";a=",
        "NO12",
        "aA0-",
        "x@",
    ],
)
def test_hostile_urls_cost_little(seed: str) -> None:
    """No pattern runs away: a URL of 60,000 characters takes milliseconds, whatever they are."""
    text = seed * (60_000 // len(seed))
    started = time.process_time()
    for url in (f"https://shop.example/{text}", f"https://shop.example/?a={text}", f"https://{text}"):
        full_url(url, NONE)
        cookieless_url(url)
    assert time.process_time() - started < 0.5
