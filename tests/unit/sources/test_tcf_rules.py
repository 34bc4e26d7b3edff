"""What a TC string means for our signals: per vendor, for the site, in time and out of it."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.forwarder_modules import forwarder_class, shipped
from proxy.signals import Signals, Value
from proxy.sources.gpp import decode_gpp
from proxy.sources.iab import GOOGLE, LINKEDIN, META, MICROSOFT, Vendor
from proxy.sources.said import GARBLED, SILENT, Said
from proxy.sources.tcf import DAY_MS, read_tcf, said_tcf
from proxy.sources.tcf_string import TcfProblem
from tests.support.tc_strings import (
    EVERY_PURPOSE,
    KNOWN,
    NOW,
    TODAY,
    Wish,
    vendor_field,
    vendor_ranges,
)

QUICK = settings(max_examples=200, deadline=None)
WITH_META = "2~7.89~dv.9"
EVERYONE = (GOOGLE, LINKEDIN, MICROSOFT, META, None)
LISTED = (GOOGLE, LINKEDIN, MICROSOFT)
ALL_ADS = Signals.from_code("uggg")


def code(wish: Wish, vendor: Vendor | None, additional: str | None = WITH_META, now_ms: int = NOW) -> str:
    """Return the four letters that a string comes to; the string must be readable."""
    said = said_tcf(wish.text(), additional, now_ms, vendor)
    assert said.readable
    assert said.decided_at == wish.updated_at
    return said.signals.code()


def ms(year: int, month: int, day: int, hour: int = 0) -> int:
    """Return a moment (UTC), Unix ms."""
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("vendor", EVERYONE)
def test_accepting_all_grants_the_ad_signals(vendor: Vendor | None) -> None:
    """Who accepts everything has granted all three ad signals to each vendor; statistics are not the framework's."""
    assert code(Wish(), vendor) == "uggg"


@pytest.mark.parametrize("vendor", EVERYONE)
def test_refusing_all_denies_everything(vendor: Vendor | None) -> None:
    """Who refuses everything, storage included, has refused statistics as well."""
    assert code(Wish(purposes=(), consents=vendor_field(())), vendor) == "dddd"


@pytest.mark.parametrize(
    ("vendor", "purpose", "expected"),
    [
        (GOOGLE, 1, "dddg"),
        (GOOGLE, 2, "uggg"),
        (GOOGLE, 3, "uggd"),
        (GOOGLE, 4, "uggd"),
        (GOOGLE, 7, "ugdg"),
        (GOOGLE, 8, "uggg"),
        (GOOGLE, 9, "uggg"),
        (GOOGLE, 10, "uggg"),
        (LINKEDIN, 1, "dddg"),
        (LINKEDIN, 3, "uggd"),
        (LINKEDIN, 4, "uggd"),
        (LINKEDIN, 7, "ugdg"),
        (MICROSOFT, 1, "dddg"),
        (MICROSOFT, 2, "uggd"),
        (MICROSOFT, 3, "uggd"),
        (MICROSOFT, 4, "uggd"),
        (MICROSOFT, 7, "ugdg"),
        (MICROSOFT, 9, "ugdg"),
        (MICROSOFT, 10, "ugdg"),
        (MICROSOFT, 11, "uggg"),
        (META, 1, "dddg"),
        (META, 3, "uggd"),
        (META, 7, "ugdg"),
        (None, 1, "dddg"),
        (None, 4, "uggd"),
        (None, 7, "ugdg"),
    ],
)
def test_each_purpose_that_is_refused_takes_away_its_signals(
    vendor: Vendor | None, purpose: int, expected: str
) -> None:
    """The purposes that each vendor declares, or that Google maps, decide the signals one by one."""
    wish = Wish(purposes=[one for one in EVERY_PURPOSE if one != purpose])
    assert code(wish, vendor) == expected


@pytest.mark.parametrize("vendor", LISTED)
def test_a_vendor_that_was_not_consented_to_gets_nothing(vendor: Vendor) -> None:
    """All purposes for others are none for this vendor; the site's own reading does not change."""
    wish = Wish(consents=vendor_field(set(KNOWN) - {vendor.listed or 0}))
    assert code(wish, vendor) == "uddd"
    assert code(wish, None) == "uggg"


@pytest.mark.parametrize("vendor", LISTED)
def test_a_vendor_that_was_not_disclosed_gets_nothing(vendor: Vendor) -> None:
    """A consent to a vendor that nobody was shown is none (TCF 2.3)."""
    assert code(Wish(disclosed=vendor_field(set(KNOWN) - {vendor.listed or 0})), vendor) == "uddd"


@pytest.mark.parametrize("vendor", EVERYONE)
def test_legitimate_interest_is_never_consent(vendor: Vendor | None) -> None:
    """All legitimate interests in the world, for every purpose and vendor, grant nothing."""
    wish = Wish(
        purposes=(),
        interests=range(1, 25),
        consents=vendor_field(()),
        vendor_interests=vendor_ranges([(1, 65535)]),
    )
    assert code(wish, vendor, additional="2~~dv.89") == "dddd"


@pytest.mark.parametrize("kind", [0, 2])
def test_the_publisher_can_take_a_purpose_from_a_vendor(kind: int) -> None:
    """What is not allowed, or allowed on legitimate interest alone, does not stand on consent."""
    wish = Wish(restrictions=[(7, kind, [(700, 800)])])
    assert code(wish, GOOGLE) == "ugdg"
    assert code(wish, LINKEDIN) == "uggg"
    assert code(wish, None) == "uggg"


def test_a_purpose_that_the_publisher_requires_consent_for_is_granted_by_consent() -> None:
    """A flexible purpose moved to consent: consent is what we look at in any case."""
    wish = Wish(restrictions=[(7, 1, [(755, 755)])])
    assert code(wish, GOOGLE) == "uggg"
    assert code(replace(wish, purposes=(1, 3, 4)), GOOGLE) == "ugdg"


def test_of_two_restrictions_the_stricter_counts() -> None:
    """Contradictory restrictions of one purpose never cancel each other out."""
    for kinds in ((0, 1), (1, 0), (1, 2), (2, 1)):
        wish = Wish(restrictions=[(3, kind, [(1, 2000)]) for kind in kinds])
        assert code(wish, GOOGLE) == "uggd"


def test_a_restriction_of_purpose_one_is_the_vendors_alone() -> None:
    """What the publisher forbids one vendor leaves the others and the visitor's own answer as they are."""
    wish = Wish(restrictions=[(1, 0, [(755, 755)])])
    assert code(wish, GOOGLE)[1:] == "ddg"
    assert code(wish, MICROSOFT) == "uggg"


@pytest.mark.parametrize("bit", [EVERY_PURPOSE, EVERY_PURPOSE[1:]])
def test_a_purpose_one_that_nobody_was_asked_for_is_unknown(bit: tuple[int, ...]) -> None:
    """With purpose one treatment, purpose 1 was not disclosed: neither granted, whatever its bit says, nor refused."""
    wish = Wish(one_treatment=True, purposes=bit)
    assert code(wish, GOOGLE) == "uuug"
    assert code(replace(wish, purposes=(3, 4)), GOOGLE) == "uudg"
    assert code(replace(wish, consents=vendor_field(())), GOOGLE) == "uddd"


def test_special_features_and_the_publishers_own_segment_grant_nothing() -> None:
    """Neither precise location nor the publisher's own purposes stand for a vendor's consent."""
    wish = Wish(purposes=(), features=range(1, 13), publisher="1" * 48 + "0" * 6)
    assert code(wish, GOOGLE) == "dddd"


# -- Meta, which is not on the vendor list ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("additional", "expected"),
    [
        ("2~89~dv.", "uggg"),
        ("2~7.89.311~dv.9", "uggg"),
        ("1~7.89", "uggg"),
        ("2~~dv.89", "uddd"),
        ("2~7~dv.89.9", "uddd"),
        ("1~7", "uddd"),
        ("1~", "uddd"),
        ("2~7~dv.9", "uuuu"),
        ("2~~dv", "uuuu"),
        (None, "uuuu"),
        ("", "uuuu"),
    ],
)
def test_meta_stands_on_additional_consent(additional: str | None, expected: str) -> None:
    """Named: granted. Shown and not named: denied. Never shown: nothing is known, and another source may tell."""
    assert code(Wish(), META, additional) == expected


def test_additional_consent_does_not_stand_without_the_purposes() -> None:
    """A provider's id grants no purpose that the visitor refused."""
    assert code(Wish(purposes=(3, 4)), META) == "dddg"
    assert code(Wish(purposes=()), META, None) == "dddd"


@pytest.mark.parametrize(
    "additional", ["89", "3~89", "2~89", "2~89~", "1~89~dv.", "2~89~dv.~", "2~089~dv.", "2~ 89~dv."]
)
def test_a_garbled_additional_consent_grants_meta_nothing(additional: str) -> None:
    """What is there and is none makes Meta's word unreadable; vendors on the list do not need it."""
    assert said_tcf(Wish().text(), additional, NOW, META) == GARBLED
    assert said_tcf(Wish().text(), additional, NOW, GOOGLE).signals == ALL_ADS


def test_additional_consent_alone_means_nothing() -> None:
    """Without a TC string beside it, nobody has a say."""
    assert said_tcf(None, WITH_META, NOW, META) == SILENT


# -- whether the string counts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (Wish(service_specific=False), TcfProblem.GLOBAL_SCOPE),
        (Wish(policy=3), TcfProblem.POLICY),
        (Wish(policy=2), TcfProblem.POLICY),
        (Wish(policy=6), TcfProblem.POLICY),
        (Wish(policy=63), TcfProblem.POLICY),
        (Wish(disclosed=None), TcfProblem.UNDISCLOSED),
        (Wish(disclosed=None, updated_at=ms(2026, 2, 28)), TcfProblem.UNDISCLOSED),
        (Wish(updated_at=TODAY + DAY_MS), TcfProblem.FUTURE),
        (Wish(updated_at=NOW + 6 * 60_000), TcfProblem.FUTURE),
        (Wish(version=3), TcfProblem.VERSION),
    ],
)
@pytest.mark.parametrize("vendor", EVERYONE)
def test_a_string_that_must_not_count_is_unreadable(
    wish: Wish, problem: TcfProblem, vendor: Vendor | None
) -> None:
    """Global scope, abolished and unknown policies, no disclosed vendors, times ahead: nothing granted, and told why."""
    reading = read_tcf(wish.text(), WITH_META, NOW)
    assert reading.problem is problem
    assert reading.said(vendor) == GARBLED


def test_disclosed_vendors_may_be_missing_in_strings_from_before() -> None:
    """Up to 27 February 2026 the segment was not required."""
    wish = Wish(disclosed=None, updated_at=ms(2026, 2, 27))
    assert code(wish, GOOGLE) == "uggg"


def test_policy_four_still_counts() -> None:
    """Strings under TCF 2.2's policy live on until they expire."""
    assert code(Wish(policy=4), GOOGLE) == "uggg"


@pytest.mark.parametrize(
    ("then", "now", "expired"),
    [
        (ms(2025, 10, 22), ms(2026, 11, 22), False),
        (ms(2025, 10, 22), ms(2026, 11, 22, 1), True),
        (ms(2025, 10, 22), ms(2026, 11, 23), True),
        (ms(2025, 10, 23), ms(2026, 11, 22), False),
        (ms(2025, 2, 1), ms(2026, 3, 1), False),
        (ms(2025, 2, 1), ms(2026, 3, 2), True),
        (ms(2025, 1, 31), ms(2026, 2, 28, 23), False),
        (ms(2025, 1, 31), ms(2026, 3, 1), True),
        (ms(2025, 7, 15), ms(2026, 8, 15), False),
        (ms(2025, 7, 15), ms(2026, 9, 1), True),
        (ms(1970, 1, 1), NOW, True),
    ],
)
def test_a_grant_lasts_thirteen_months(then: int, now: int, *, expired: bool) -> None:
    """By the calendar, to the second; after that nothing is granted, and the refusals stand."""
    wish = Wish(updated_at=then, purposes=(1, 7))
    reading = read_tcf(wish.text(), WITH_META, now)
    assert (reading.problem is TcfProblem.EXPIRED) is expired
    assert reading.said(GOOGLE) == Said(Signals.from_code("uuud" if expired else "uggd"), then)


@pytest.mark.parametrize("text", [None, ""])
def test_no_string_has_no_say(text: str | None) -> None:
    """Absent, or a cookie that was emptied."""
    assert said_tcf(text, WITH_META, NOW, GOOGLE) is SILENT


@pytest.mark.parametrize("text", [" ", "null", "undefined", "CQ", "1~89"])
def test_what_is_there_and_no_string_is_unreadable(text: str) -> None:
    """It is never taken for silence."""
    assert said_tcf(text, None, NOW) is GARBLED


@QUICK
@given(
    purposes=st.sets(st.integers(1, 24)),
    consents=st.sets(st.sampled_from(KNOWN)),
    disclosed=st.sets(st.sampled_from(KNOWN)),
    restricted=st.lists(st.tuples(st.integers(1, 24), st.integers(0, 2), st.sampled_from(KNOWN)), max_size=3),
    vendor=st.sampled_from(LISTED),
    one_treatment=st.booleans(),
)
def test_nothing_is_granted_that_lacks_one_of_its_conditions(
    purposes: set[int],
    consents: set[int],
    disclosed: set[int],
    restricted: list[tuple[int, int, int]],
    vendor: Vendor,
    *,
    one_treatment: bool,
) -> None:
    """Said once more, the other way round: behind each grant stand vendor, disclosure, purposes, and no restriction."""
    wish = Wish(
        purposes=sorted(purposes),
        consents=vendor_field(consents),
        disclosed=vendor_field(disclosed),
        restrictions=[(purpose, kind, [(one, one)]) for purpose, kind, one in restricted],
        one_treatment=one_treatment,
    )
    signals = said_tcf(wish.text(), None, NOW, vendor).signals
    taken = {purpose for purpose, kind, one in restricted if one == vendor.listed and kind != 1}
    usable = purposes - taken - ({1} if one_treatment else set())
    needs = {
        GOOGLE: ({1}, {1, 7}, {3, 4}),
        LINKEDIN: ({1}, {1, 7}, {3, 4}),
        MICROSOFT: ({1}, {1, 7, 9, 10}, {2, 3, 4}),
    }[vendor]
    chosen = vendor.listed in consents & disclosed
    assert signals.analytics_storage is not Value.GRANTED
    for value, need in zip(signals.values()[1:], needs, strict=True):
        assert (value is Value.GRANTED) == (chosen and need <= usable)


def test_every_forwarder_of_a_listed_vendor_is_named() -> None:
    """Google's three forwarders ask for Google, the others for their own; the CRM has no vendor there."""
    declared = {name: forwarder_class(name).iab for name in shipped()}
    assert declared["google_ads"] is declared["google_analytics"] is GOOGLE
    assert (declared["meta"], declared["microsoft"]) == (META, MICROSOFT)
    assert (GOOGLE.listed, MICROSOFT.listed, LINKEDIN.listed, META.provider) == (755, 1126, 804, 89)


def test_what_was_read_does_not_show_itself() -> None:
    """Strings and choices belong to a person: nothing that is logged or thrown by accident repeats them."""
    tcf = read_tcf(Wish().text(), WITH_META, NOW)
    gpp = decode_gpp(f"DBABMA~{Wish().text()}")
    for shown in (repr(tcf), repr(tcf.tc), repr(tcf.additional), repr(gpp)):
        assert re.fullmatch(r"<proxy\.sources\.[\w.]+ object at 0x[0-9a-f]+>", shown)
