"""Every consent state x preset x forwarder x event class, against a table that was written by hand.

The table is the published one of decisions, and knows nothing of the code: neither its presets nor its rules are read
to say what is expected. A state is four letters, one per signal, in the order analytics_storage, ad_storage,
ad_user_data, ad_personalization:

    g granted       u never answered      x granted, but too long ago     p denied by Global Privacy Control
    d denied        w withdrawn           r stored, but unreadable
"""

import re
from dataclasses import dataclass
from itertools import product

import pytest

from proxy.compile import compile_site
from proxy.forwarder_modules import shipped
from proxy.policy import Rule, decide, load_preset
from proxy.reasons import Decision, Reason
from proxy.settings_sites import SiteSettings
from proxy.signals import ConsentState, Signal, Signals, Value
from proxy.site import Site
from tests.support.events import STANZAS

# --- the table ------------------------------------------------------------------------------------------------------
# "-" drop, "C" cookieless, "F" full. Columns: never answered, everything denied, statistics only, all four granted.
PUBLISHED = """
    consent-mode  google_analytics   C C F F
    consent-mode  google_ads         C C C F
    consent-mode  meta               - - - F
    consent-mode  microsoft          - - - F
    consent-mode  linkedin           - - - F
    consent-mode  campaign_manager   - - - F
    notice-2021   google_analytics   F C F F
    notice-2021   google_ads         C C C F
    notice-2021   meta               - - - F
    notice-2021   microsoft          - - - F
    notice-2021   linkedin           - - - F
    notice-2021   campaign_manager   - - - F
    eea-strict    google_analytics   - - F F
    eea-strict    google_ads         - - - F
    eea-strict    meta               - - - F
    eea-strict    microsoft          - - - F
    eea-strict    linkedin           - - - F
    eea-strict    campaign_manager   - - - F
"""
COLUMNS = ("uuuu", "dddd", "gddd", "gggg")

# The same for every other state. A forwarder gets a full event where each signal that it needs is granted ...
NEEDS = {
    "google_analytics": "g...",
    "google_ads": ".gg.",
    "meta": ".ggg",
    "microsoft": ".ggg",
    "linkedin": ".ggg",
    "campaign_manager": ".gg.",
}
# ... and otherwise what stands in the second column. One preset does not need statistics to be granted: there a visitor
# who never answered, or whose answer has run out, is counted on legitimate interest.
INTEREST = {"notice-2021": "google_analytics"}
# All events, or the site's conversions alone.
CONVERSIONS_ONLY = {"google_ads", "linkedin", "campaign_manager"}

# Why it is not full: the first of these that is true of a needed signal ("o": an objection to legitimate interest).
REASONS = {
    "r": Reason.CONSENT_UNREADABLE,
    "w": Reason.WITHDRAWN,
    "p": Reason.GPC,
    "o": Reason.OBJECTION,
    "x": Reason.CONSENT_EXPIRED,
    "d": Reason.CONSENT_DENIED,
    "u": Reason.CONSENT_UNKNOWN,
}
MARKS = {"-": Decision.DROP, "C": Decision.COOKIELESS, "F": Decision.FULL}
SIGNALS = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")

ROWS = {(row.split()[0], row.split()[1]): tuple(row.split()[2:]) for row in PUBLISHED.strip().splitlines()}
PRESETS = ("consent-mode", "notice-2021", "eea-strict")
CONVERSIONS = ("purchase", "generate_lead")
OTHERS = ("page_view", "add_to_cart")


@dataclass(frozen=True)
class Expected:
    """What the table says."""

    decision: Decision
    reason: Reason
    signal: str | None = None


def expected(preset: str, forwarder: str, letters: str, *, gpc: bool, unreadable: str = "-") -> Expected:
    """Look one state up in the table. ``unreadable``: what the site does with a record that cannot be read."""
    on_interest = INTEREST.get(preset) == forwarder
    if on_interest:
        first = letters[0]
        if first in "ux":
            first = "p" if gpc else "i"
        elif first == "d":
            first = "p" if gpc else "o"
        letters = first + letters[1:]
    if re.fullmatch(NEEDS[forwarder], letters):
        return Expected(Decision.FULL, Reason.GRANTED)
    if on_interest and letters[0] == "i":
        return Expected(Decision.FULL, Reason.LEGITIMATE_INTEREST)
    without = ROWS[preset, forwarder][1]
    for letter, reason in REASONS.items():
        for position in range(4):
            if NEEDS[forwarder][position] == "g" and letters[position] == letter:
                mark = without
                if letter == "r":
                    mark = unreadable if without == "C" else "-"
                return Expected(MARKS[mark], reason, SIGNALS[position])
    raise AssertionError("the table is not total")


# --- the states -----------------------------------------------------------------------------------------------------
VALUES = {
    "g": (Value.GRANTED, Reason.GRANTED),
    "d": (Value.DENIED, Reason.CONSENT_DENIED),
    "u": (Value.UNKNOWN, Reason.CONSENT_UNKNOWN),
    "x": (Value.UNKNOWN, Reason.CONSENT_EXPIRED),
    "p": (Value.DENIED, Reason.GPC),
    "w": (Value.DENIED, Reason.WITHDRAWN),
    "r": (Value.UNKNOWN, Reason.CONSENT_UNREADABLE),
}


def state(letters: str, *, gpc: bool = False) -> ConsentState:
    """Write four letters as a consent state."""
    values = [VALUES[letter][0] for letter in letters]
    why = [VALUES[letter][1] for letter in letters]
    return ConsentState(
        Signals.of(values[0], values[1], values[2], values[3]), (why[0], why[1], why[2], why[3]), gpc=gpc
    )


# Control without which no state has GPC as its reason, and with which it may have others.
EVERY = [
    ("".join(letters), gpc)
    for letters in product("gduxpwr", repeat=4)
    for gpc in (False, True)
    if gpc or "p" not in letters
]
EVERY_ANSWER = ["".join(letters) for letters in product("gdu", repeat=4)]


def test_the_walk_is_whole() -> None:
    """All 81 states of four signals are among those that are walked, and every way to each of them."""
    assert len(EVERY_ANSWER) == 81
    assert {(letters, False) for letters in EVERY_ANSWER} <= set(EVERY)
    assert len(EVERY) == 7**4 + 6**4
    assert len(ROWS) == len(PRESETS) * len(NEEDS)


# --- the rules of the presets ---------------------------------------------------------------------------------------


def rule(preset: str, forwarder: str, unreadable: Decision = Decision.DROP) -> Rule:
    """Compile what a preset says of a forwarder, with nothing overridden."""
    policy = load_preset(preset)
    said = policy.rule_for(forwarder)
    return Rule.of(said.needs, said.otherwise, policy.analytics_storage, unreadable)


@pytest.mark.parametrize("forwarder", NEEDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_published_columns(preset: str, forwarder: str) -> None:
    """The four states that the published table shows are decided as it shows them."""
    compiled = rule(preset, forwarder)
    found = [decide(compiled, state(letters)).decision for letters in COLUMNS]
    assert found == [MARKS[mark] for mark in ROWS[preset, forwarder]]


@pytest.mark.parametrize("unreadable", ["-", "C"])
@pytest.mark.parametrize("forwarder", NEEDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_state_is_decided_as_the_table_says(preset: str, forwarder: str, unreadable: str) -> None:
    """Decision, reason and signal, for each of the ways in which four signals can be what they are."""
    compiled = rule(preset, forwarder, MARKS[unreadable])
    for letters, gpc in EVERY:
        found = decide(compiled, state(letters, gpc=gpc))
        wanted = expected(preset, forwarder, letters, gpc=gpc, unreadable=unreadable)
        assert (found.decision, found.reason, found.signal) == (
            wanted.decision,
            wanted.reason,
            None if wanted.signal is None else Signal(wanted.signal),
        ), (letters, gpc)


# --- the same through a site ----------------------------------------------------------------------------------------
BUILT = [name for name in shipped() if name in NEEDS]
CONFIGURED = "purchase"  # the one conversion that the accounts of conversions are set up for


def site(preset: str, unreadable: str) -> Site:
    """Compile a site with every forwarder that is built."""
    return compile_site(
        "shop",
        SiteSettings.model_validate(
            {
                "policy": {"preset": preset, "on_store_failure": unreadable},
                "conversions": list(CONVERSIONS),
                "forwarders": {name: STANZAS[name] for name in BUILT},
            }
        ),
    )


@pytest.mark.parametrize("unreadable", ["-", "C"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_state_and_event_class_through_a_compiled_site(preset: str, unreadable: str) -> None:
    """A forwarder of conversions gets those that its account is set up for; what consent decides stays as it is."""
    compiled = site(preset, MARKS[unreadable])
    assert [link.name for link in compiled.links] == BUILT
    for name in CONVERSIONS + OTHERS:
        for letters, gpc in EVERY:
            decided = compiled.decide(name, state(letters, gpc=gpc))
            for forwarder, found in zip(BUILT, decided, strict=True):
                if forwarder in CONVERSIONS_ONLY and name != CONFIGURED:
                    assert (found.decision, found.reason) == (Decision.DROP, Reason.NOT_CONFIGURED)
                    continue
                wanted = expected(preset, forwarder, letters, gpc=gpc, unreadable=unreadable)
                assert (found.decision, found.reason) == (wanted.decision, wanted.reason), (letters, gpc)


# --- what no policy may do ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forwarder", NEEDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_no_full_event_without_a_grant_or_an_interest(preset: str, forwarder: str) -> None:
    """Whatever else is granted: one needed signal that is withdrawn, unreadable, refused or under GPC, and it is not full."""
    compiled = rule(preset, forwarder, Decision.COOKIELESS)
    for letters, gpc in EVERY:
        if decide(compiled, state(letters, gpc=gpc)).decision is Decision.FULL:
            needed = {letters[position] for position in range(4) if NEEDS[forwarder][position] == "g"}
            assert needed.isdisjoint("dwrp"), letters
            assert needed == {"g"} or (INTEREST.get(preset) == forwarder and not gpc), letters


@pytest.mark.parametrize("forwarder", NEEDS)
def test_the_strict_preset_sends_nothing_without_a_grant(forwarder: str) -> None:
    """Not even a cookieless ping, and not even where the record cannot be read."""
    for unreadable in (Decision.DROP, Decision.COOKIELESS):
        compiled = rule("eea-strict", forwarder, unreadable)
        assert {decide(compiled, state(letters, gpc=gpc)).decision for letters, gpc in EVERY} == {
            Decision.FULL,
            Decision.DROP,
        }


@pytest.mark.parametrize("forwarder", NEEDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_less_consent_never_gives_more(preset: str, forwarder: str) -> None:
    """Taking one grant away never raises a decision; so for the 81 states, on consent."""
    rank = {Decision.DROP: 0, Decision.COOKIELESS: 1, Decision.FULL: 2}
    compiled = rule(preset, forwarder)
    for letters in EVERY_ANSWER:
        before = rank[decide(compiled, state(letters)).decision]
        for position in range(4):
            if letters[position] != "d":
                lowered = letters[:position] + "d" + letters[position + 1 :]
                assert rank[decide(compiled, state(lowered)).decision] <= before
