"""GPP strings: the header, Europe's section, and what US sections refuse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.signals import ALL_UNKNOWN, Signals
from proxy.sources.gpp import MAX_LENGTH, Gpp, GppProblem, decode_gpp, read_gpp, said_gpp, said_usp
from proxy.sources.gpp_us import UsChoice, decode_us
from proxy.sources.iab import GOOGLE, META
from proxy.sources.said import GARBLED, SILENT, Said
from proxy.sources.tcf import said_tcf
from proxy.sources.tcf_string import TcfProblem
from tests.support.tc_strings import NOW, TODAY, Wish, bits_of, letters

QUICK = settings(max_examples=200, deadline=None)
EUROPE = Wish().text()
NO_ADS = Said(Signals.from_code("uddd"))
NOT_OPTED_OUT = UsChoice(opted_out=False, gpc=False)
OPTED_OUT = UsChoice(opted_out=True, gpc=False)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def fibonacci(value: int) -> str:
    """Write a number in Fibonacci coding."""
    steps = [1, 2]
    while steps[-1] <= value:
        steps.append(steps[-1] + steps[-2])
    digits = ""
    for step in reversed(steps[:-1]):
        digits = ("1" if step <= value else "0") + digits
        value -= step if step <= value else 0
    return digits.rstrip("0") + "1"


def header(*ids: int, kind: int = 3, version: int = 1, count: int | None = None, multiple: int = 8) -> str:
    """Write a header that lists these sections, one by one."""
    bits = bits_of(kind, 6) + bits_of(version, 6) + bits_of(len(ids) if count is None else count, 12)
    last = 0
    for one in ids:
        bits += "0" + fibonacci(one - last)
        last = one
    return letters(bits, multiple)


def usnat(sale: int = 0, sharing: int = 0, targeted: int = 0, version: int = 1) -> str:
    """Write the core of the national section: version, six notices, three opt-outs, the rest not applicable."""
    size = {1: 60, 2: 70}.get(version, 60)
    bits = bits_of(version, 6) + "00" * 6 + "".join(bits_of(one, 2) for one in (sale, sharing, targeted))
    return letters(bits.ljust(size, "0"), 8)


@pytest.mark.parametrize(
    ("text", "sections", "us"),
    [
        (f"DBABMA~{EUROPE}", {2: EUROPE}, None),
        (f"DBABM~{EUROPE}", {2: EUROPE}, None),
        ("DBABLA~BAAVAAAAAQA.YA", {7: "BAAVAAAAAQA.YA"}, UsChoice(opted_out=True, gpc=True)),
        (f"DBACNYA~{EUROPE}~1YNN", {2: EUROPE, 6: "1YNN"}, NOT_OPTED_OUT),
        (f"DBACNY~{EUROPE}~1YYN", {2: EUROPE, 6: "1YYN"}, OPTED_OUT),
        ("DBAA", {}, None),
    ],
)
def test_real_strings_are_read(text: str, sections: dict[int, str], us: UsChoice | None) -> None:
    """The specification's spellings of the header and the reference's, which fills to bytes."""
    assert decode_gpp(text) == Gpp(sections, us)


def test_europes_section_says_what_the_string_itself_says() -> None:
    """A TC string means the same within GPP as alone, for each vendor."""
    text = f"{header(2)}~{EUROPE}"
    for vendor in (GOOGLE, META, None):
        assert said_gpp(text, "1~89", NOW, vendor) == said_tcf(EUROPE, "1~89", NOW, vendor)
    assert said_gpp(text, None, NOW, GOOGLE) == Said(Signals.from_code("uggg"), TODAY)


def test_a_broken_european_section_is_unreadable() -> None:
    """What is refused alone is refused in here."""
    reading = read_gpp(f"{header(2)}~{EUROPE[:60]}", None, NOW)
    assert reading.tcf is not None
    assert reading.tcf.problem is TcfProblem.TRUNCATED
    assert reading.said(GOOGLE) == GARBLED


def test_an_opt_out_in_the_us_takes_away_what_europe_granted() -> None:
    """It holds for this request whenever it was made, so the word has no time any more."""
    text = f"{header(2, 7)}~{EUROPE}~{usnat(sale=1)}"
    assert said_gpp(text, None, NOW, GOOGLE) == NO_ADS


@pytest.mark.parametrize("opt_out", ["sale", "sharing", "targeted"])
@pytest.mark.parametrize("version", [1, 2])
def test_each_opt_out_of_the_national_section_denies_ads(opt_out: str, version: int) -> None:
    """Sale, sharing, targeted advertising: one is enough."""
    text = f"{header(7)}~{usnat(**{opt_out: 1}, version=version)}"
    assert said_gpp(text, None, NOW) == NO_ADS


@pytest.mark.parametrize("values", [(0, 0, 0), (2, 2, 2), (0, 2, 0)])
def test_no_us_section_ever_grants(values: tuple[int, int, int]) -> None:
    """Not to have opted out is not to have consented."""
    assert said_gpp(f"{header(7)}~{usnat(*values)}", None, NOW) == SILENT
    assert said_gpp(f"{header(6)}~1YNN", None, NOW) == SILENT


def test_gpc_in_a_sub_section_denies_ads() -> None:
    """The browser's own signal, passed on by the banner."""
    assert said_gpp(f"{header(7)}~{usnat(2, 2, 2)}.YA", None, NOW) == NO_ADS
    assert said_gpp(f"{header(7)}~{usnat(2, 2, 2)}.QA", None, NOW) == SILENT


@pytest.mark.parametrize(
    "part",
    [
        usnat(version=3),
        usnat(sale=3),
        usnat()[:-3],
        usnat() + "AAAA",
        usnat()[:-1] + "B",
        usnat() + ".",
        usnat() + ".AA",
        usnat() + ".YAAAAA",
        usnat() + ".YA.YA",
        "B!AVAAAAAQA",
        usnat() + "\n",
    ],
)
def test_a_us_section_that_cannot_be_understood_grants_nothing(part: str) -> None:
    """It may hold an opt-out: Europe's section beside it does not count either."""
    text = f"{header(2, 7)}~{EUROPE}~{part}"
    assert decode_gpp(text) is GppProblem.US_SECTION
    assert said_gpp(text, None, NOW, GOOGLE) == GARBLED


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("D", GppProblem.HEADER),
        ("DBAB", GppProblem.HEADER),
        ("CQ", GppProblem.HEADER),
        (EUROPE, GppProblem.HEADER),
        (f"{header(2, kind=4)}~{EUROPE}", GppProblem.HEADER),
        (f"{header(2, version=2)}~{EUROPE}", GppProblem.HEADER),
        (f"{header(2, count=2)}~{EUROPE}", GppProblem.HEADER),
        (f"{header(2)}AAAA~{EUROPE}", GppProblem.HEADER),
        (f"{header(2)}!~{EUROPE}", GppProblem.HEADER),
        (f"{header(5000)}~{EUROPE}", GppProblem.HEADER),
        (f"{header(2)}", GppProblem.SECTIONS),
        (f"{header(2)}~", GppProblem.SECTIONS),
        (f"{header(2)}~{EUROPE}~", GppProblem.SECTIONS),
        (f"{header(2)}~{EUROPE}~1YNN", GppProblem.SECTIONS),
        (f"{header(2, 6)}~{EUROPE}", GppProblem.SECTIONS),
        (f"{header(6)}~1YN", GppProblem.US_SECTION),
        ("D" * (MAX_LENGTH + 1), GppProblem.TOO_LONG),
    ],
)
def test_what_is_no_gpp_string_is_refused_and_named(text: str, problem: GppProblem) -> None:
    """Wrong type or version, cut off, padded, more or fewer sections than listed."""
    assert decode_gpp(text) is problem
    assert said_gpp(text, None, NOW) == GARBLED


def test_sections_we_do_not_know_say_nothing() -> None:
    """Canada's section, or one that is yet to come: not understood, and not in the way."""
    assert said_gpp(f"{header(2, 5, 99)}~{EUROPE}~BCAA~x", None, NOW, GOOGLE).signals.code() == "uggg"
    assert said_gpp(f"{header(5)}~BCAA", None, NOW) == SILENT


@pytest.mark.parametrize("text", [None, ""])
def test_no_string_has_no_say(text: str | None) -> None:
    """Absent, or a cookie that was emptied."""
    assert said_gpp(text, None, NOW) is SILENT
    assert said_usp(text) is SILENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1YNN", SILENT),
        ("1---", SILENT),
        ("1N--", SILENT),
        ("1YYN", NO_ADS),
        ("1-Y-", NO_ADS),
        ("1YY", GARBLED),
        ("2YNN", GARBLED),
        ("1ynn", GARBLED),
        ("1YNNN", GARBLED),
        ("1YNN\n", GARBLED),
    ],
)
def test_a_us_privacy_string_denies_or_says_nothing(text: str, expected: Said) -> None:
    """The third character is the opt-out from sale."""
    assert said_usp(text) == expected


def test_headers_with_ranges_are_read() -> None:
    """Neighbouring sections are listed as one range: 7 to 9, then 12."""
    bits = (
        bits_of(3, 6)
        + bits_of(1, 6)
        + bits_of(2, 12)
        + "1"
        + fibonacci(7)
        + fibonacci(2)
        + "0"
        + fibonacci(3)
    )
    parts = "~".join([usnat(), "BAAAAABA", "BAAAABA", "BAAAAAEA"])
    found = decode_gpp(f"{letters(bits, 8)}~{parts}")
    assert isinstance(found, Gpp)
    assert list(found.sections) == [7, 8, 9, 12]
    assert found.us == NOT_OPTED_OUT


@QUICK
@given(st.integers(7, 27), st.text(ALPHABET + ".", max_size=20))
def test_any_us_section_is_answered(section: int, text: str) -> None:
    """Whatever stands there, the reader answers and does not throw."""
    assert isinstance(decode_us(section, text), UsChoice | None)


@QUICK
@given(st.text(max_size=80))
def test_any_text_at_all_is_answered_and_grants_nothing(text: str) -> None:
    """The same for whole strings."""
    assert said_gpp(text, text, NOW).signals is ALL_UNKNOWN
    assert said_gpp("DB" + text, text, NOW).signals is ALL_UNKNOWN
