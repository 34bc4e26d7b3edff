"""Which query parameters are click ids, and which values they may have."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.clickids import CLICK_IDS, extract, valid

GCLID = "EAIaIQobChMI6d7x8Y_3gQMVCJdoCR0vJwEYEAAYASAAEgKz1_D_BwE"


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        *(
            (name, "google")
            for name in "gclid gclsrc dclid gbraid wbraid gad_source gad_campaignid _gl srsltid".split()
        ),
        *((name, "google") for name in "gclaw gcldc gclha gclgf gclgb".split()),
        ("fbclid", "meta"),
        ("igshid", "meta"),
        ("msclkid", "microsoft"),
        ("li_fat_id", "linkedin"),
        ("ttclid", "tiktok"),
        ("twclid", "x"),
        ("epik", "pinterest"),
        ("sccid", "snap"),
        ("rdt_cid", "reddit"),
        ("qclid", "quora"),
        ("irclid", "impact"),
        ("_kx", "klaviyo"),
        ("mc_eid", "mailchimp"),
        ("yclid", "yandex"),
        ("vero_id", "other"),
    ],
)
def test_known_click_ids(name: str, vendor: str) -> None:
    """Each id is attributed to the vendor that may have it back."""
    assert CLICK_IDS[name] == vendor


def test_names_are_lower_case() -> None:
    """Callers look names up in lower case."""
    assert all(name == name.lower() for name in CLICK_IDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gclid", GCLID),
        ("gclid", "Cj0KCQiA"),
        ("gad_source", "1"),
        ("gclsrc", "aw.ds"),
        ("_gl", "1*1abc*_ga*MTIzNDU2*_ga_ABC*MTY5.."),
        ("fbclid", "IwAR0x_-abcDEF"),
        ("msclkid", "0123456789abcdef0123456789abcdef"),
        ("li_fat_id", "550e8400-e29b-41d4-a716-446655440000"),
        ("ttclid", "E.C.P.abc-def_123"),
        ("irclid", "~abc~def"),
    ],
)
def test_real_values_are_valid(name: str, value: str) -> None:
    """What vendors issue passes."""
    assert valid(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gclid", ""),
        ("gclid", "0"),
        ("gclid", "null"),
        ("gclid", "undefined"),
        ("gclid", "a b"),
        ("gclid", "ola@example.com"),
        ("gclid", "abc\r\nSet-Cookie: x=1"),
        ("gclid", "a" * 513),
        ("gclid", "abcd\n"),
        ("fbclid", "abc.def"),
        ("msclkid", "short"),
        ("li_fat_id", "550e8400_e29b_41d4_a716_446655440000"),
        ("gad_source", "x"),
    ],
)
def test_other_values_are_not(name: str, value: str) -> None:
    """Placeholders, personal data and anything that could break a header do not pass as an id."""
    assert not valid(name, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"https://shop.example/?utm_source=x&gclid={GCLID}#top", {"gclid": GCLID}),
        (f"gclid={GCLID}&fbclid=IwAR123", {"gclid": GCLID, "fbclid": "IwAR123"}),
        (f"?GCLID={GCLID}", {"gclid": GCLID}),
        ("https://shop.example/?ScCid=abc-123", {"sccid": "abc-123"}),
        ("gclid=first&gclid=second", {"gclid": "first"}),
        ("gclid=&gclid=null&gclid=third", {"gclid": "third"}),
        ("mkt_tok=NzU%2BabcD%3D%3D", {"mkt_tok": "NzU+abcD=="}),
        ("gclid=a%20b", {}),
        ("https://shop.example/gclid=abcdef", {}),
        ("https://shop.example/#gclid=abcdef", {}),
        ("notgclid=abcdef", {}),
        ("gclid", {}),
        ("", {}),
    ],
)
def test_extract(text: str, expected: dict[str, str]) -> None:
    """The first valid value of each click id in the query, decoded."""
    assert extract(text) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_extract_takes_any_text(text: str) -> None:
    """Whatever comes, only known names with valid values go out."""
    assert all(valid(name, value) for name, value in extract("gclid=" + text + "&fbclid=" + text).items())


def test_work_is_bounded() -> None:
    """A huge query costs no more than its first part."""
    started = time.perf_counter()
    assert extract("a=1&" * 1_000_000 + "gclid=abcdef") == {}
    assert time.perf_counter() - started < 0.5
