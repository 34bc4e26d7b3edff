"""The matrix says what really happens: its decisions are the gateway's, for presets and for sites."""

from itertools import product

import pytest

from proxy.forwarder_modules import shipped
from proxy.matrix import site_sheet, states
from proxy.policy import PRESET_NAMES, load_preset
from proxy.reasons import Decision, Reason
from tests.support.events import STANZAS
from tests.support.matrices import cell, named, site, whole

PRESETS = pytest.mark.parametrize("preset", PRESET_NAMES)
CLASSES = ("conversion", "any other event")


# --- it is whole ----------------------------------------------------------------------------------------------------


@PRESETS
def test_every_state_event_class_and_forwarder_is_there_once(preset: str) -> None:
    """All 81 answers and the states that have a name, for every forwarder that the preset or the product knows."""
    sheet = whole(preset)
    places = [(row.forwarder, row.state, row.events) for row in sheet.rows]
    forwarders = set(load_preset(preset).forwarders) | set(shipped())
    answers = {"".join(letters) for letters in product("gdu", repeat=4)}
    wanted = {state for state, _ in states(every=False)} | answers
    assert len(wanted) == 12 + 81
    assert len(places) == len(set(places))
    assert set(places) == set(product(forwarders, wanted, CLASSES))
    assert all(row.state == row.code for row in sheet.rows if row.state in answers)


@PRESETS
def test_a_drop_sends_nothing_and_anything_else_sends_something(preset: str) -> None:
    """Only of a forwarder that is not built nobody can tell what it would send."""
    for row in whole(preset).rows:
        if row.decision is Decision.DROP:
            assert row.fields == ()
        elif row.forwarder in shipped():
            assert row.fields
            assert row.fields[0] == "name"
        else:
            assert row.fields is None


# --- decisions ------------------------------------------------------------------------------------------------------

# Never answered, denied, statistics only, all granted: the published table.
PUBLISHED = {
    ("consent-mode", "google_analytics"): "CCFF",
    ("consent-mode", "google_ads"): "CCCF",
    ("consent-mode", "meta"): "---F",
    ("notice-2021", "google_analytics"): "FCFF",
    ("notice-2021", "google_ads"): "CCCF",
    ("notice-2021", "microsoft"): "---F",
    ("eea-strict", "google_analytics"): "--FF",
    ("eea-strict", "google_ads"): "---F",
    ("eea-strict", "linkedin"): "---F",
    ("eea-strict", "campaign_manager"): "---F",
}
MARKS = {Decision.DROP: "-", Decision.COOKIELESS: "C", Decision.FULL: "F"}


@pytest.mark.parametrize(("preset", "forwarder"), PUBLISHED)
def test_the_published_table(preset: str, forwarder: str) -> None:
    """What is printed is what was promised."""
    columns = ("never answered", "denied", "statistics only", "all granted")
    found = "".join(MARKS[cell(named(preset), forwarder, state).decision] for state in columns)
    assert found == PUBLISHED[preset, forwarder]


REASONS = [
    ("never answered", Reason.CONSENT_UNKNOWN),
    ("denied", Reason.CONSENT_DENIED),
    ("statistics only", Reason.CONSENT_DENIED),
    ("ads only, without statistics", Reason.GRANTED),
    ("ads without personalisation", Reason.CONSENT_DENIED),
    ("all granted", Reason.GRANTED),
    ("GPC, never answered", Reason.GPC),
    ("GPC, all granted without it", Reason.GPC),
    ("GPC, all granted with it", Reason.GRANTED),
    ("all granted, expired", Reason.CONSENT_EXPIRED),
    ("withdrawn", Reason.WITHDRAWN),
    ("record unreadable", Reason.CONSENT_UNREADABLE),
]


def test_the_states_that_have_a_name() -> None:
    """Each is what its name says, told by what it means for a vendor that needs all ad signals."""
    assert [state for state, _ in REASONS] == [state for state, _ in states(every=False)]
    for state, reason in REASONS:
        assert cell(named("consent-mode"), "meta", state).reason is reason
    assert cell(named("consent-mode"), "meta", "ads without personalisation").signal == "ad_personalization"


def test_statistics_on_legitimate_interest() -> None:
    """Silence and an answer that has run out are counted; GPC and a no are objections."""
    sheet = named("notice-2021")
    found = {state: cell(sheet, "google_analytics", state) for state, _ in states(every=False)}
    assert found["never answered"].reason is Reason.LEGITIMATE_INTEREST
    assert found["all granted, expired"].decision is Decision.FULL
    assert (found["denied"].decision, found["denied"].reason) == (Decision.COOKIELESS, Reason.OBJECTION)
    assert found["GPC, never answered"].reason is Reason.GPC


@PRESETS
def test_events_that_a_forwarder_is_not_set_up_for(preset: str) -> None:
    """A forwarder of conversions gets no other event in any state."""
    for row in named(preset).rows:
        if row.events == "any other event" and row.forwarder in {
            "google_ads",
            "linkedin",
            "campaign_manager",
        }:
            assert (row.decision, row.reason) == (Decision.DROP, Reason.NOT_CONFIGURED)


# --- sites ----------------------------------------------------------------------------------------------------------


def test_a_site_is_shown_as_it_overrides_its_preset() -> None:
    """Basis, parameters and the events of each account; another name for a second account."""
    shop = site(
        conversions=["purchase", "sign_up"],
        visitor={"max_age_days": 3},
        policy={
            "preset": "consent-mode",
            "analytics_storage": "legitimate_interest",
            "on_store_failure": "cookieless",
            "cookieless_params": ["coupon"],
            "cookieless_transaction_id": False,
            "cookieless_location": "none",
        },
        forwarders={
            "google_analytics": STANZAS["google_analytics"] | {"otherwise": "drop"},
            "outlet": STANZAS["meta"] | {"type": "meta", "events": ["add_to_cart"]},
            "microsoft": STANZAS["microsoft"] | {"otherwise": "cookieless", "events": ["conversions"]},
            "google_ads": STANZAS["google_ads"],
        },
    )
    sheet = site_sheet("shop", shop, every=False)
    assert list(dict.fromkeys(row.forwarder for row in sheet.rows)) == list(shop.forwarders)
    assert list(dict.fromkeys(row.events for row in sheet.rows)) == [
        "add_to_cart",
        "purchase",
        "sign_up",
        "any other event",
    ]
    assert cell(sheet, "google_analytics", "never answered", "any other event").decision is Decision.FULL
    assert cell(sheet, "google_analytics", "denied", "purchase").decision is Decision.DROP
    assert cell(sheet, "outlet", "all granted", "add_to_cart").decision is Decision.FULL
    assert cell(sheet, "outlet", "all granted", "purchase").reason is Reason.NOT_CONFIGURED
    assert cell(sheet, "google_ads", "all granted", "sign_up").reason is Reason.NOT_CONFIGURED
    assert cell(sheet, "google_ads", "record unreadable", "purchase").decision is Decision.COOKIELESS
    without = cell(sheet, "microsoft", "denied", "sign_up")
    assert (without.decision, without.reason) == (Decision.COOKIELESS, Reason.CONSENT_DENIED)
    ping = cell(sheet, "google_ads", "denied", "purchase").fields
    assert ping is not None
    assert {"transaction_id", "address"}.isdisjoint(ping)
    assert sheet.overrides == (
        "visitor.max_age_days = 3",
        'policy.analytics_storage = "legitimate_interest"',
        'policy.cookieless_location = "none"',
        'policy.cookieless_params = ["coupon"]',
        "policy.cookieless_transaction_id = false",
        'policy.on_store_failure = "cookieless"',
        'forwarders.google_analytics.otherwise = "drop"',
        'forwarders.outlet.events = ["add_to_cart"]',
        'forwarders.microsoft.events = ["conversions"]',
        'forwarders.microsoft.otherwise = "cookieless"',
    )


def test_listed_parameters_are_among_the_fields_of_a_ping() -> None:
    """And others are not."""
    forwarders = {"google_analytics": STANZAS["google_analytics"]}
    for listed in ([], ["coupon"]):
        policy = {"preset": "consent-mode", "cookieless_params": listed}
        sheet = site_sheet("shop", site(policy=policy, forwarders=forwarders), every=False)
        found = cell(sheet, "google_analytics", "denied", "purchase").fields
        assert found is not None
        assert ("params" in found) == bool(listed)


def test_an_account_that_cannot_ping_drops() -> None:
    """Without the tag's id and the label nothing can be sent without consent, whatever the preset says."""
    stanza = {key: value for key, value in STANZAS["google_ads"].items() if key != "conversion_id"}
    shop = site(policy={"preset": "consent-mode"}, forwarders={"google_ads": stanza})
    sheet = site_sheet("shop", shop, every=False)
    row = cell(sheet, "google_ads", "denied", "purchase")
    assert (row.decision, row.reason, row.fields) == (Decision.DROP, Reason.NOT_CONFIGURED, ())
    assert cell(sheet, "google_ads", "all granted", "purchase").unidentified is Decision.DROP
