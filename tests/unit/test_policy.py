"""Presets, compiled rules, and the few questions that are asked of a state beside the decision itself."""

import tomllib
from dataclasses import replace
from itertools import pairwise, product

import pytest

from proxy.policy import (
    ANALYTICS,
    DEFAULT_PRESET,
    PRESET_NAMES,
    Basis,
    Decided,
    Rule,
    allowed,
    consented,
    decide,
    has_basis,
    load_preset,
)
from proxy.reasons import Decision, Reason
from proxy.signals import AD_SIGNALS, SIGNALS, ConsentState, Signal, Signals, Value

WHY = {
    "g": Reason.GRANTED,
    "d": Reason.CONSENT_DENIED,
    "u": Reason.CONSENT_UNKNOWN,
    "x": Reason.CONSENT_EXPIRED,
    "p": Reason.GPC,
    "w": Reason.WITHDRAWN,
    "r": Reason.CONSENT_UNREADABLE,
}
VALUE = {"g": Value.GRANTED, "d": Value.DENIED, "p": Value.DENIED, "w": Value.DENIED}
GA = (Signal.ANALYTICS_STORAGE,)
ADS = (Signal.AD_STORAGE, Signal.AD_USER_DATA)


def state(letters: str, *, gpc: bool = False) -> ConsentState:
    """Write a state in four letters: granted, denied, unknown, x for expired, p for GPC, withdrawn, r for unreadable."""
    values = [VALUE.get(letter, Value.UNKNOWN) for letter in letters]
    why = [WHY[letter] for letter in letters]
    return ConsentState(
        Signals.of(values[0], values[1], values[2], values[3]), (why[0], why[1], why[2], why[3]), gpc=gpc
    )


def rule(
    needs: tuple[Signal, ...],
    otherwise: Decision = Decision.COOKIELESS,
    basis: Basis = "consent",
    on_store_failure: Decision = Decision.DROP,
) -> Rule:
    """Compile a rule."""
    return Rule.of(needs, otherwise, basis, on_store_failure)


# --- presets ----------------------------------------------------------------------------------------------------


def test_without_a_word_the_strictest_preset_holds() -> None:
    """A site that names no preset sends nothing before consent."""
    assert DEFAULT_PRESET == "eea-strict"
    assert set(PRESET_NAMES) == {"consent-mode", "notice-2021", "eea-strict"}


@pytest.mark.parametrize(
    ("name", "basis", "cookieless", "days", "consented_days"),
    [
        ("consent-mode", "consent", True, 7, 90),
        ("notice-2021", "legitimate_interest", True, 7, 7),
        ("eea-strict", "consent", False, 7, 90),
    ],
)
def test_a_preset_is_what_it_promises(
    name: str, basis: str, cookieless: bool, days: int, consented_days: int
) -> None:
    """Basis of statistics, cookieless events, and the lives of the id without and with consent."""
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert preset.analytics_storage == basis
    assert preset.cookieless is cookieless
    assert (preset.max_age_days, preset.consented_max_age_days) == (days, consented_days)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_is_a_readable_file_without_a_hole(name: str) -> None:
    """Every forwarder needs something, nothing is full without it, and no key of the file is left unread."""
    preset = load_preset(name)
    assert preset.text.startswith("#")
    assert tomllib.loads(preset.text).keys() == {
        "title",
        "analytics_storage",
        "cookieless",
        "max_age_days",
        "consented_max_age_days",
        "forwarders",
    }
    for said in preset.forwarders.values():
        assert said.needs
        assert said.events in {("*",), ("conversions",)}
        assert said.otherwise in (
            {Decision.DROP, Decision.COOKIELESS} if preset.cookieless else {Decision.DROP}
        )


@pytest.mark.parametrize("name", ["", "cnil-proxy", "CONSENT-MODE", "../eea-strict", "eea-strict.toml"])
def test_there_are_no_other_presets(name: str) -> None:
    """Neither one that is not built yet nor a path."""
    with pytest.raises(KeyError):
        load_preset(name)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_forwarder_that_the_preset_does_not_know_gets_the_strictest_rule(name: str) -> None:
    """Conversions alone, all ad signals needed, nothing otherwise."""
    said = load_preset(name).rule_for("an_outside_one")
    assert said.events == ("conversions",)
    assert said.needs == AD_SIGNALS
    assert said.otherwise is Decision.DROP


# --- compiled rules ---------------------------------------------------------------------------------------------


def test_a_rule_that_would_send_in_full_without_consent_cannot_be_made() -> None:
    """Neither what happens otherwise nor what happens to an unreadable record may be full."""
    with pytest.raises(ValueError, match="never full"):
        rule(GA, otherwise=Decision.FULL)
    for otherwise in (Decision.COOKIELESS, Decision.DROP):
        with pytest.raises(ValueError, match="never full"):
            rule(GA, otherwise=otherwise, on_store_failure=Decision.FULL)


@pytest.mark.parametrize(
    ("otherwise", "on_store_failure", "wanted"),
    [
        (Decision.COOKIELESS, Decision.COOKIELESS, Decision.COOKIELESS),
        (Decision.COOKIELESS, Decision.DROP, Decision.DROP),
        (Decision.DROP, Decision.COOKIELESS, Decision.DROP),
        (Decision.DROP, Decision.DROP, Decision.DROP),
    ],
)
@pytest.mark.parametrize("basis", ["consent", "legitimate_interest"])
def test_an_unreadable_record_gets_no_more_than_silence_on_consent_would(
    otherwise: Decision, on_store_failure: Decision, wanted: Decision, basis: Basis
) -> None:
    """Whatever the site says of store failures, and on legitimate interest too: it may hold an objection."""
    decided = decide(rule(GA, otherwise, basis, on_store_failure), state("rrrr"))
    assert decided == Decided(wanted, Reason.CONSENT_UNREADABLE, Signal.ANALYTICS_STORAGE)


@pytest.mark.parametrize("on_store_failure", [Decision.COOKIELESS, Decision.DROP])
@pytest.mark.parametrize("otherwise", [Decision.COOKIELESS, Decision.DROP])
@pytest.mark.parametrize("basis", ["consent", "legitimate_interest"])
def test_a_string_that_cannot_be_read_is_no_consent_and_no_failure_of_the_store(
    otherwise: Decision, on_store_failure: Decision, basis: Basis
) -> None:
    """What a banner or a tag garbled grants nothing, and costs no more than that; on legitimate interest it may be an objection."""
    garbled = replace(state("rrrr"), garbled=True)
    decided = decide(rule(GA, otherwise, basis, on_store_failure), garbled)
    assert decided == Decided(otherwise, Reason.CONSENT_UNREADABLE, Signal.ANALYTICS_STORAGE)


def test_the_worst_reason_is_told_with_its_signal() -> None:
    """Of several signals that stand in the way, the one whose reason comes first in the published order."""
    everything = rule(SIGNALS)
    order = "rwpxdu"
    for first, second in product(range(4), repeat=2):
        if first != second:
            for worse, better in pairwise(order):
                letters = ["g"] * 4
                letters[first], letters[second] = worse, better
                decided = decide(everything, state("".join(letters)))
                assert (decided.reason, decided.signal) == (WHY[worse], SIGNALS[first])


def test_of_equal_reasons_the_first_signal_is_told() -> None:
    """So that the same state is always explained in the same words."""
    assert decide(rule(ADS), state("gddd")).signal is Signal.AD_STORAGE
    assert decide(rule(ADS), state("ggdd")).signal is Signal.AD_USER_DATA


def test_signals_that_are_not_needed_do_not_matter() -> None:
    """Statistics granted is enough for statistics, whatever became of the ad signals."""
    for rest in product("gduxpwr", repeat=3):
        decided = decide(rule(GA), state("g" + "".join(rest), gpc="p" in rest))
        assert decided == Decided(Decision.FULL, Reason.GRANTED)


def test_a_full_decision_names_no_signal() -> None:
    """Nothing stood in the way."""
    assert decide(rule(GA), state("gddd")).signal is None


def test_a_decision_is_counted_under_decision_and_reason() -> None:
    """The words that the store counts by."""
    assert decide(rule(GA), state("dggg")).code == "cookieless|consent_denied"
    assert decide(rule(GA), state("gddd")).code == "full|granted"


# --- legitimate interest ----------------------------------------------------------------------------------------

INTEREST = [
    ("granted", "g", False, Reason.GRANTED),
    ("granted, GPC on: a consent is more than an interest", "g", True, Reason.GRANTED),
    ("never answered", "u", False, Reason.LEGITIMATE_INTEREST),
    ("never answered, GPC on: that is an objection", "u", True, Reason.GPC),
    ("a consent that has run out: the interest is still there", "x", False, Reason.LEGITIMATE_INTEREST),
    ("a consent that has run out, GPC on", "x", True, Reason.GPC),
    ("denied: that is an objection", "d", False, Reason.OBJECTION),
    ("denied, GPC on: of two objections the first listed", "d", True, Reason.GPC),
    ("withdrawn", "w", False, Reason.WITHDRAWN),
    ("withdrawn, GPC on", "w", True, Reason.WITHDRAWN),
    ("unreadable", "r", False, Reason.CONSENT_UNREADABLE),
    ("unreadable, GPC on", "r", True, Reason.CONSENT_UNREADABLE),
]


@pytest.mark.parametrize(
    ("letter", "gpc", "wanted"), [row[1:] for row in INTEREST], ids=[row[0] for row in INTEREST]
)
def test_statistics_on_legitimate_interest(letter: str, gpc: bool, wanted: Reason) -> None:
    """Silence is allowed; every form of no is honoured."""
    assert allowed(state(letter + "uuu", gpc=gpc), ANALYTICS, interest=True) is wanted


@pytest.mark.parametrize("position", [1, 2, 3])
def test_ad_signals_never_stand_on_legitimate_interest(position: int) -> None:
    """What they are is what counts, whatever the basis of statistics."""
    for letters in product("gduxpwr", repeat=4):
        one = state("".join(letters), gpc="p" in letters)
        assert allowed(one, position, interest=True) is one.why[position]


@pytest.mark.parametrize("letter", list(WHY))
def test_on_consent_everything_is_what_it_is(letter: str) -> None:
    """GPC says nothing of statistics that stand on consent."""
    for gpc in (False, True):
        assert allowed(state(letter + "ggg", gpc=gpc), ANALYTICS, interest=False) is WHY[letter]


def test_an_interest_in_statistics_gives_an_ads_vendor_nothing() -> None:
    """A rule that needs statistics and an ad signal is not full by the interest in the first."""
    both = rule((Signal.ANALYTICS_STORAGE, Signal.AD_STORAGE), basis="legitimate_interest")
    assert decide(both, state("uuuu")) == Decided(
        Decision.COOKIELESS, Reason.CONSENT_UNKNOWN, Signal.AD_STORAGE
    )
    assert decide(both, state("uguu")) == Decided(Decision.FULL, Reason.LEGITIMATE_INTEREST)
    assert decide(both, state("gguu")) == Decided(Decision.FULL, Reason.GRANTED)


# --- may there be an id, and for how long? ----------------------------------------------------------------------

BASIS = [
    # letters, GPC, on consent, on legitimate interest, may live as long as a consented id
    ("uuuu", False, False, True, False),
    ("uuuu", True, False, False, False),
    ("dddd", False, False, False, False),
    ("wwww", False, False, False, False),
    ("rrrr", False, False, False, False),
    ("guuu", False, True, True, True),
    ("gddd", False, True, True, True),
    ("gppp", True, True, True, True),
    ("xxxx", False, False, True, False),
    ("xxxx", True, False, False, False),
    ("ugdd", False, True, True, True),
    ("dgdd", False, True, True, True),
    ("dgdd", True, True, True, True),
    ("udgg", False, False, True, False),
    ("ddgg", False, False, False, False),
    ("xxgg", False, False, True, False),
    ("uppp", True, False, False, False),
]


@pytest.mark.parametrize(("letters", "gpc", "on_consent", "on_interest", "long"), BASIS)
def test_an_id_needs_a_basis(
    letters: str, gpc: bool, on_consent: bool, on_interest: bool, long: bool
) -> None:
    """Statistics allowed on their basis, or ``ad_storage`` granted; the longer life needs a grant of storage."""
    one = state(letters, gpc=gpc)
    assert has_basis(one, interest=False) is on_consent
    assert has_basis(one, interest=True) is on_interest
    assert consented(one) is long


def test_whatever_has_a_full_statistics_event_has_a_basis() -> None:
    """A full entry belongs to a visitor, so a state that allows one must allow the id."""
    for basis in ("consent", "legitimate_interest"):
        statistics = rule(GA, basis=basis)
        ads = rule(ADS, basis=basis)
        for letters in product("gduxpwr", repeat=4):
            for gpc in {False, True} if "p" not in letters else {True}:
                one = state("".join(letters), gpc=gpc)
                if Decision.FULL in {decide(statistics, one).decision, decide(ads, one).decision}:
                    assert has_basis(one, interest=basis == "legitimate_interest")
