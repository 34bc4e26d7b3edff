"""The decoder of TC strings by itself: what it understands, and what it refuses and why."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.sources.tcf_decode import MAX_LENGTH, decode
from proxy.sources.tcf_string import TcfProblem, TcString, purposes
from tests.support.reference import FOLDER, Reading, reading
from tests.support.tc_strings import (
    DAY_MS,
    KNOWN,
    TODAY,
    Wish,
    bits_of,
    entries,
    letters,
    vendor_field,
    vendor_ranges,
)

QUICK = settings(max_examples=200, deadline=None)
RECORDED: list[tuple[str, Reading]] = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))
ACCEPTED = "CQuFeUAQuFeUAEsABAENCWFgAP_gAAAAABpwIzQBAF5gMZAZIBGYAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
REFUSED = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
# The example of the IAB's own specification.
SPECIFICATION = "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA"
CORE, DISCLOSED, PUBLISHER = ACCEPTED.split(".")


def understood(text: str) -> TcString:
    """Return what a string says; it must be a proper one."""
    tc = decode(text)
    assert isinstance(tc, TcString), tc
    return tc


def test_an_accepting_string_is_read_whole() -> None:
    """Every field of a string that a real banner wrote is what that banner says it is."""
    tc = understood(ACCEPTED)
    assert (tc.cmp_id, tc.cmp_version, tc.screen, tc.language) == (300, 1, 0, "EN")
    assert (tc.vendor_list_version, tc.policy_version, tc.publisher_country) == (150, 5, "NO")
    assert tc.created_at == tc.updated_at == TODAY
    assert (tc.service_specific, tc.non_standard_texts, tc.purpose_one_treatment) == (True, False, False)
    assert (tc.special_features, tc.interests, tc.restrictions, tc.allowed) == (0, 0, (), None)
    assert tc.purposes == purposes(*range(1, 12))
    assert tc.vendor_consents.ids() == [755, 793, 804, 1126]
    assert tc.disclosed is not None
    assert tc.disclosed.ids() == [755, 793, 804, 1126]
    assert tc.vendor_interests.ids() == []
    assert tc.publisher is not None
    assert (tc.publisher.consents, tc.publisher.custom_count) == (0, 0)


def test_a_refusing_string_grants_nothing_and_discloses_all() -> None:
    """Refusing all names the vendors that were shown, and no purpose."""
    tc = understood(REFUSED)
    assert tc.purposes == 0
    assert tc.vendor_consents.ids() == []
    assert tc.disclosed is not None
    assert tc.disclosed.ids() == [755, 793, 804, 1126]


def test_the_specifications_own_example_is_read() -> None:
    """Vendors 1 to 4 as a field of bits; disclosed 1 to 5, 100 and 404 as ranges; an old policy."""
    tc = understood(SPECIFICATION)
    assert tc.vendor_consents.ids() == [1, 2, 3, 4]
    assert tc.disclosed is not None
    assert tc.disclosed.ids() == [1, 2, 3, 4, 5, 100, 404]
    assert (tc.policy_version, tc.publisher) == (2, None)


@pytest.mark.parametrize("place", range(len(RECORDED)))
def test_recorded_strings_are_never_read_for_more_than_the_reference_read(place: int) -> None:
    """What the reference threw on, we refuse; what we understand, it read the same."""
    text, theirs = RECORDED[place]
    tc = decode(text)
    if isinstance(tc, TcString):
        ours = reading(tc)
        assert {**ours, "restrictions": sorted(ours["restrictions"])} == {
            **theirs,
            "restrictions": sorted(theirs.get("restrictions", [])),
        }


def test_most_recorded_strings_are_understood() -> None:
    """The comparison above is not empty: every string that was recorded undamaged is understood."""
    assert sum(isinstance(decode(text), TcString) for text, _ in RECORDED) >= len(RECORDED) / 3
    assert sum("error" in theirs for _, theirs in RECORDED) > 50


def core(**wish: object) -> str:
    """Return a string of the core segment alone."""
    return Wish(disclosed=None, publisher=None, **wish).text()  # type: ignore[arg-type]  # a test's shorthand


REFUSALS: dict[str, tuple[str, TcfProblem]] = {
    "nothing": ("", TcfProblem.NOT_BASE64URL),
    "two letters, which other decoders take for consent to everything": ("CQ", TcfProblem.TRUNCATED),
    "foreign letters": ("CQ!!!!!!" + CORE[8:], TcfProblem.NOT_BASE64URL),
    "letters of base64 that are not base64url's": (CORE.replace("_", "/"), TcfProblem.NOT_BASE64URL),
    "a plus for a minus": ("+" + CORE[1:], TcfProblem.NOT_BASE64URL),
    "an umlaut": (CORE[:-1] + "ä", TcfProblem.NOT_BASE64URL),
    "a line break at the end": (CORE + "\n", TcfProblem.NOT_BASE64URL),
    "a line break inside": (CORE[:20] + "\n" + CORE[21:], TcfProblem.NOT_BASE64URL),
    "padding as base64 has it": (CORE + "====", TcfProblem.NOT_BASE64URL),
    "a length that no bytes have": (CORE + "A", TcfProblem.NOT_BASE64URL),
    "zeros added": (CORE + "AAAA", TcfProblem.TRAILING),
    "a last bit that means nothing": (CORE[:-1] + "B", TcfProblem.TRAILING),
    "version 1": (core(version=1), TcfProblem.VERSION),
    "version 3": (core(version=3), TcfProblem.VERSION),
    "an empty segment": (CORE + ".", TcfProblem.NOT_BASE64URL),
    "a leading dot": ("." + CORE, TcfProblem.SEGMENT),
    "two cores": (CORE + "." + CORE, TcfProblem.SEGMENT),
    "the core last": (DISCLOSED + "." + CORE, TcfProblem.SEGMENT),
    "disclosed vendors twice": (f"{CORE}.{DISCLOSED}.{DISCLOSED}", TcfProblem.SEGMENT),
    "a publisher's segment twice": (f"{CORE}.{PUBLISHER}.{PUBLISHER}", TcfProblem.SEGMENT),
    "a segment of an unknown type": (f"{CORE}.{letters('100' + bits_of(0, 21))}", TcfProblem.SEGMENT),
    "no core": (DISCLOSED, TcfProblem.VERSION),
    "more segments than there are types": (".".join([CORE] * 6), TcfProblem.TOO_MANY_SEGMENTS),
    "disclosed vendors cut off": (CORE + "." + DISCLOSED[:8], TcfProblem.TRUNCATED),
    "disclosed vendors with zeros added": (f"{CORE}.{DISCLOSED}AAAA", TcfProblem.TRAILING),
    "a publisher's segment cut off": (CORE + "." + PUBLISHER[:8], TcfProblem.TRUNCATED),
    "custom purposes that are not there": (
        f"{CORE}.{letters('011' + bits_of(0, 48) + bits_of(63, 6))}",
        TcfProblem.TRUNCATED,
    ),
    "a CMP id that is none": (core(cmp_id=1), TcfProblem.FIELD),
    "a language that is none": (core(language="E["), TcfProblem.FIELD),
    "a country that is none": (core(country="~O"), TcfProblem.FIELD),
    "made after its last update": (core(created_at=TODAY + DAY_MS), TcfProblem.FIELD),
    "vendor 0": (core(consents=vendor_ranges([(0, 0)], 9)), TcfProblem.VENDORS),
    "a range from 0": (core(consents=vendor_ranges([(0, 7)])), TcfProblem.VENDORS),
    "a range backwards": (core(consents=vendor_ranges([(9, 3)], 9)), TcfProblem.VENDORS),
    "a vendor above the highest": (core(consents=vendor_ranges([(3, 755)], 754)), TcfProblem.VENDORS),
    "ranges that overlap": (core(consents=vendor_ranges([(3, 9), (9, 12)])), TcfProblem.VENDORS),
    "ranges that descend": (core(consents=vendor_ranges([(755, 755), (3, 3)], 755)), TcfProblem.VENDORS),
    "interests backwards": (core(vendor_interests=vendor_ranges([(9, 3)], 9)), TcfProblem.VENDORS),
    "fewer entries than promised": (
        core(consents=bits_of(755, 16) + "1" + bits_of(4000, 12)),
        TcfProblem.TRUNCATED,
    ),
    "the last entry's end missing": (
        letters(Wish(consents=vendor_ranges([(3, 3), (7, 700)])).core()[:285], 8),
        TcfProblem.TRUNCATED,
    ),
    "a restriction of an unknown type": (
        core(restrictions=[(2, 3, [(755, 755)])]),
        TcfProblem.RESTRICTION,
    ),
    "a restriction of purpose 0": (core(restrictions=[(0, 0, [(755, 755)])]), TcfProblem.RESTRICTION),
    "a restriction of purpose 25": (core(restrictions=[(25, 0, [(755, 755)])]), TcfProblem.RESTRICTION),
    "a restriction backwards": (core(restrictions=[(2, 0, [(9, 3)])]), TcfProblem.VENDORS),
    "too long": ("C" * (MAX_LENGTH + 1), TcfProblem.TOO_LONG),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_no_banner_writes_is_refused_and_named(what: str) -> None:
    """Each fault makes the whole string count for nothing, under its own reason."""
    text, problem = REFUSALS[what]
    assert decode(text) is problem


def test_other_programs_fill_to_bytes_and_are_understood() -> None:
    """Programs in other languages write whole bytes where the IAB's library writes whole groups of three."""
    wish = Wish(consents=vendor_ranges([(9, 700), (755, 755)]), disclosed=vendor_field(KNOWN))
    assert len(wish.text(8)) < len(wish.text(24))
    assert decode(wish.text(8)) == decode(wish.text(24)) != TcfProblem.TRAILING


@pytest.mark.parametrize("end", range(len(CORE)))
def test_a_core_cut_off_anywhere_is_refused(end: int) -> None:
    """No beginning of a core segment is taken for a whole one, save for letters that only fill it up."""
    tc = decode(ACCEPTED[:end])
    if isinstance(tc, TcString):
        assert re.fullmatch("A+", CORE[end:])
        assert reading(tc) == {**reading(understood(ACCEPTED)), "disclosed": None, "publisher": None}


def test_the_widest_legal_sets_are_neither_expanded_nor_slow() -> None:
    """All 65,535 vendors in one range are two numbers; thousands of entries are read as they are."""
    tc = understood(core(consents=vendor_ranges([(1, 65535)])))
    assert 65535 in tc.vendor_consents
    assert tc.vendor_consents.ranges == (1, 65535)
    many = [(one, one) for one in range(5, 5 + 2 * 2500, 2)]
    tc = understood(core(consents=vendor_ranges(many)))
    assert tc.vendor_consents.ids() == [one for one, _ in many]


def test_ranges_across_a_batch_are_read_alike() -> None:
    """Entries are read some dozens at a time: single ids and ranges mixed, around the seams."""
    for count in (31, 32, 33, 63, 64, 65, 97):
        wanted = [(place * 10 + 1, place * 10 + (7 if place % 3 else 1)) for place in range(count)]
        tc = understood(core(consents=vendor_ranges(wanted)))
        assert (
            list(zip(tc.vendor_consents.ranges[::2], tc.vendor_consents.ranges[1::2], strict=True)) == wanted
        )


def test_a_restriction_without_vendors_restricts_nobody() -> None:
    """Some banners write a purpose with no entries; that is legal, and empty."""
    tc = understood(core(restrictions=[(2, 0, [])]))
    assert [one.vendors for one in tc.restrictions] == [()]
    assert entries([]) == "0" * 12


@QUICK
@given(st.text(max_size=200))
def test_any_text_at_all_is_answered(text: str) -> None:
    """Whatever arrives, the decoder answers and does not throw."""
    assert isinstance(decode(text), TcString | TcfProblem)


@QUICK
@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", max_size=120))
def test_any_letters_after_a_proper_head_are_answered(tail: str) -> None:
    """The same for texts that begin like a string."""
    assert isinstance(decode(CORE[:36] + tail), TcString | TcfProblem)
