"""A compiled site: which of its forwarders want an event, what they may have of it, and who holds its keys."""

from dataclasses import replace
from hashlib import sha256

import pytest

from proxy.policy import Rule
from proxy.reasons import Decision, Reason
from proxy.signals import ALL_GRANTED, ALL_UNKNOWN, UNKNOWN_STATE, ConsentState, Signal, Signals
from proxy.site import _MOST_REMEMBERED, NOT_CONFIGURED, Link, Site, VisitorCookie
from tests.support.reduction import FORWARDERS, POLICY

GRANTED_STATE = ConsentState(ALL_GRANTED, (Reason.GRANTED,) * 4, explicit=True)
STATISTICS = Rule.of((Signal.ANALYTICS_STORAGE,), Decision.COOKIELESS, "consent", Decision.DROP)
ADS = Rule.of((Signal.AD_STORAGE,), Decision.DROP, "consent", Decision.DROP)
INTEREST = Rule.of((Signal.ANALYTICS_STORAGE,), Decision.COOKIELESS, "legitimate_interest", Decision.DROP)


def link(
    name: str, events: frozenset[str] | None = None, rule: Rule = STATISTICS, module: str | None = None
) -> Link:
    """Return a link to a forwarder that is set up for purchases."""
    module = module or name
    return Link(name, module, FORWARDERS[module], rule, events)


def site(*links: Link, keys: tuple[str, ...] = ()) -> Site:
    """Return a site with these forwarders."""
    return Site(
        name="shop",
        hosts=("shop.example",),
        base_path="/",
        origins=frozenset({"https://shop.example"}),
        conversions=frozenset({"purchase"}),
        ingest_keys=tuple(sha256(key.encode()).digest() for key in keys),
        cookie=VisitorCookie("_sayso", 7 * 86_400, 90 * 86_400),
        policy=POLICY,
        links=links,
    )


# --- events of a forwarder ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "name", "answer"),
    [
        (None, "page_view", True),
        (None, "anything_at_all", True),
        (frozenset({"purchase"}), "purchase", True),
        (frozenset({"purchase"}), "page_view", False),
        (frozenset({"purchase"}), "Purchase", False),
        (frozenset(), "purchase", False),
    ],
)
def test_a_forwarder_gets_the_events_that_it_is_set_up_for(
    wanted: frozenset[str] | None, name: str, answer: bool
) -> None:
    """All of them, or those of certain names."""
    assert link("meta", wanted).wants(name) is answer


def test_an_account_without_a_conversion_does_not_want_its_event() -> None:
    """Though its site sends it all events."""
    assert link("google_ads").wants("purchase")
    assert not link("google_ads").wants("sign_up")
    assert not link("google_ads", frozenset({"sign_up"})).wants("sign_up")


def test_a_name_that_the_vendor_reserves_is_not_sent() -> None:
    """Google drops such events without a word."""
    assert not link("google_analytics").wants("first_visit")


# --- decisions ------------------------------------------------------------------------------------------------------


def test_decisions_stand_in_the_order_of_the_links() -> None:
    """One for each forwarder, told apart by configuration and by consent."""
    shop = site(link("google_analytics"), link("meta", frozenset({"purchase"}), ADS), link("google_ads"))
    found = shop.decide("page_view", UNKNOWN_STATE)
    assert [(one.decision, one.reason) for one in found] == [
        (Decision.COOKIELESS, Reason.CONSENT_UNKNOWN),
        (Decision.DROP, Reason.NOT_CONFIGURED),
        (Decision.DROP, Reason.NOT_CONFIGURED),
    ]
    found = shop.decide("purchase", GRANTED_STATE)
    assert {(one.decision, one.reason) for one in found} == {(Decision.FULL, Reason.GRANTED)}
    assert NOT_CONFIGURED.code == "drop|not_configured"


def test_two_stanzas_of_one_vendor_decide_apart() -> None:
    """Each has its own rule and its own events."""
    shop = site(
        link("meta", rule=ADS), link("meta_outlet", frozenset({"sign_up"}), STATISTICS, module="meta")
    )
    assert [one.reason for one in shop.decide("sign_up", UNKNOWN_STATE)] == [Reason.CONSENT_UNKNOWN] * 2
    assert [one.reason for one in shop.decide("purchase", GRANTED_STATE)] == [
        Reason.GRANTED,
        Reason.NOT_CONFIGURED,
    ]


def test_what_is_remembered_is_never_another_states_decision() -> None:
    """The same signals for other reasons, GPC on or off, another name: each asked twice, in both orders."""
    shop = site(link("google_analytics", rule=INTEREST), link("meta", frozenset({"purchase"}), ADS))
    denied = (Reason.CONSENT_DENIED,) * 4
    states = [
        UNKNOWN_STATE,
        replace(UNKNOWN_STATE, gpc=True),
        replace(UNKNOWN_STATE, why=(Reason.CONSENT_UNREADABLE,) * 4),
        replace(UNKNOWN_STATE, why=(Reason.CONSENT_UNREADABLE,) * 4, garbled=True),
        replace(UNKNOWN_STATE, why=(Reason.CONSENT_EXPIRED,) * 4),
        ConsentState(Signals.from_code("dddd"), denied),
        ConsentState(Signals.from_code("dddd"), denied, gpc=True),
        ConsentState(Signals.from_code("dddd"), (Reason.WITHDRAWN,) * 4),
        GRANTED_STATE,
        replace(GRANTED_STATE, gpc=True),
    ]
    asked = [(name, state) for name in ("purchase", "page_view") for state in states]
    fresh = [site(*shop.links).decide(name, state) for name, state in asked]
    assert len(set(fresh)) > 8
    assert [shop.decide(name, state) for name, state in asked] == fresh
    assert [shop.decide(name, state) for name, state in reversed(asked)] == fresh[::-1]


def test_two_sites_do_not_share_what_they_remember() -> None:
    """The same event and state under another policy."""
    strict = site(link("google_analytics", rule=ADS))
    loose = site(link("google_analytics", rule=INTEREST))
    for _ in range(2):
        assert strict.decide("purchase", UNKNOWN_STATE)[0].decision is Decision.DROP
        assert loose.decide("purchase", UNKNOWN_STATE)[0].decision is Decision.FULL


def test_names_made_up_by_a_stranger_do_not_fill_the_memory() -> None:
    """What is remembered is bounded, and still right after it was forgotten."""
    shop = site(link("google_analytics"))
    remembered: dict[object, object] = shop._remembered  # type: ignore[attr-defined]  # set when it is made
    for number in range(_MOST_REMEMBERED + 5):
        shop.decide(f"event_{number}", UNKNOWN_STATE)
    assert len(remembered) == 5
    assert shop.decide("purchase", GRANTED_STATE)[0].decision is Decision.FULL


def test_a_site_without_forwarders_decides_nothing() -> None:
    """It still takes events; nobody gets them."""
    assert site().decide("purchase", GRANTED_STATE) == ()
    assert site().cookie_names == frozenset()


# --- cookies and keys -----------------------------------------------------------------------------------------------


def test_only_cookies_that_some_forwarder_declared_are_read() -> None:
    """Of vendors that the site does not use, none is even looked at."""
    assert site(link("meta")).cookie_names == {"_fbp", "_fbc"}
    both = site(link("meta"), link("google_analytics")).cookie_names
    assert both == {"_fbp", "_fbc", "_ga", "_ga_XXXXXXX"}


def test_the_longest_life_of_the_cookie() -> None:
    """Whichever of the two is longer."""
    assert VisitorCookie("_sayso", 7, 90).longest_s == 90
    assert VisitorCookie("_sayso", 7, 1).longest_s == 7


def test_a_key_is_known_by_its_hash() -> None:
    """Every key of the site opens it, no other, and bytes that are no text neither open it nor break it."""
    shop = site(keys=("first-key", "second-key"))
    assert shop.has_key("first-key")
    assert shop.has_key("second-key")
    for wrong in (
        "",
        "first-ke",
        "first-key ",
        "FIRST-KEY",
        "third-key",
        "\udcff",
        sha256(b"first-key").hexdigest(),
    ):
        assert not shop.has_key(wrong)
    assert not site().has_key("")
    almost = sha256(b"first-key").digest()[:-1] + b"\0"
    assert not replace(shop, ingest_keys=(almost,)).has_key("first-key")
    assert "first-key" not in repr(shop)


def test_the_state_of_nobody_is_silence() -> None:
    """The constant that these tests, and the gateway, begin with."""
    assert UNKNOWN_STATE.signals is ALL_UNKNOWN
    assert not UNKNOWN_STATE.explicit
