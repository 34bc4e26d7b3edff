"""What of a vendor's answer may be kept: its words, and none of the values that it may quote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders._words import LONGEST, is_page, vendor_words
from forwarders.base import Response

KEPT = (
    "Invalid parameter",
    "(#100) Param data[0]['user_data'] is missing the required field em",
    'Unexpected key "fbclid" on param "$[\'data\'][0]"',
    "data[12].userData.clientIpAddress is not valid (400)",
    "Error validating access token: Session has expired.",
)
HIDDEN = {
    "an e-mail address": ("kari@example.no is not hashed", "kari"),
    "a hash": (f"bad em {'0123456789abcdef' * 4}", "0123456789"),
    "a click id": ("fbc fb.1.1795169000001.AbCdEf is too old", "1795169000001"),
    "a short click id in a cookie": ("bad fb.1.1795.AbCdEfGhIjKl0", "AbCdEf"),
    "a page with its query": ("https://shop.example/thanks?name=kari is not verified", "kari"),
    "an IPv4 address": ("client_ip_address 203.0.113.77 is private", "203.0.113"),
    "an IPv6 address": ("client_ip_address 2001:db8:1::77 is private", "2001:db8"),
    "a phone number": ("+47 912 34 567 is not E.164", "912 34"),
    "a user agent": ("Mozilla/5.0 (X11; Linux) Firefox is a bot", "Linux"),
    "a quoted value": ('"my old address 4" is no city', "my old"),
    "an order number": ("order 1002003 was sent before", "1002003"),
    "a short order number": ("order 10203 was sent before", "10203"),
}


@pytest.mark.parametrize("words", KEPT)
def test_what_tells_an_operator_what_is_wrong_stays(words: str) -> None:
    """Names of fields, positions and codes are the vendor's, not the visitor's."""
    assert vendor_words(words) == words


@pytest.mark.parametrize(("words", "value"), list(HIDDEN.values()), ids=list(HIDDEN))
def test_a_quoted_value_is_hidden(words: str, value: str) -> None:
    """Dead letters, logs and explanations show the words; the values are in the entry, as long as it lives."""
    shown = vendor_words(words)
    assert value not in shown
    assert "…" in shown


def test_words_are_one_short_line() -> None:
    """A page of text in an answer does not become a page in a log."""
    assert vendor_words("one\r\n two\x00\x1b[31m") == "one two [31m"
    assert len(vendor_words("word " * 1000)) == LONGEST


def test_a_value_cut_in_half_is_hidden_too() -> None:
    """Where a very long answer is cut, the cut leaves no recognisable rest."""
    assert "abcdef" not in vendor_words("https://shop.example/" + "x" * 969 + " 0abcdef0123456789")
    assert vendor_words(" " * 9000) == ""
    assert vendor_words("x" * 9000) == ""


@pytest.mark.parametrize("said", [None, 7, ["text"], {"a": "b"}, ""])
def test_what_is_not_text_says_nothing(said: object) -> None:
    """Vendors' proxies answer anything."""
    assert vendor_words(said) == ""


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from(
        ["kari@example.no", "0123456789abcdef" * 4, "203.0.113.77", "fb.1.1795169000000.1254136630"]
    ),
)
def test_no_value_shows_wherever_it_stands(before: str, after: str, value: str) -> None:
    """Whatever stands around it, with or without a space."""
    shown = vendor_words(f"{before} {value} {after}")
    assert value not in shown
    assert len(shown) <= LONGEST


@pytest.mark.parametrize(
    ("headers", "body", "json", "page"),
    [
        ({"content-type": "text/html; charset=utf-8"}, b"Sorry", None, True),
        ({}, b"\n <!DOCTYPE html><title>Sorry</title>", None, True),
        ({"content-type": "text/html"}, b'{"events_received":1}', {"events_received": 1}, False),
        ({"content-type": "text/plain"}, b"OK", None, False),
        ({}, b"", None, False),
    ],
)
def test_a_page_is_told_from_an_answer(
    headers: dict[str, str], body: bytes, json: object, page: bool
) -> None:
    """JSON is an answer whatever its header says; HTML never is."""
    assert is_page(Response(200, headers, body, json)) is page
