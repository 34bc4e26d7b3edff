"""Other sources on the scales: every combination against the published rules, and the cases of which they are made."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.consent import UNREADABLE, Record, Refusal, combine
from proxy.reasons import Reason
from proxy.signals import ALL_UNKNOWN, ConsentState, Signals, Value
from proxy.sources.said import GARBLED, SILENT, Said
from proxy.sources.weigh import Source, Word, disagreements, weigh

NOW = 1_795_341_600_000
YEAR = 365 * 86_400_000
MINUTE = 60_000
G, D, U = Value.GRANTED, Value.DENIED, Value.UNKNOWN
LETTER = {G: "g", D: "d", U: "u"}


def four(value: Value) -> Signals:
    """Return a state with the same value for all four signals."""
    return Signals.of(value, value, value, value)


def word(code: str, at: int | None = None, source: Source = Source.CMP) -> Word:
    """Return what a source says, in four letters."""
    return Word(source, Said(Signals.from_code(code), at), str(source))


def record(code: str, at: int = NOW - 10 * MINUTE, *, gpc: bool = False, tombstone: bool = False) -> Record:
    """Return a stored record."""
    signals = Signals.from_code(code)
    denied = tuple(at if value is D else 0 for value in signals.values())
    return Record(
        signals,
        "page",
        at,
        gpc=gpc,
        tombstone=tombstone,
        denied_at=(denied[0], denied[1], denied[2], denied[3]),
    )


def weighed(
    *words: Word,
    stored: Record | None = None,
    refused: Refusal | None = None,
    own: str = "uuuu",
    gpc: bool = False,
    made_ms: int | None = None,
) -> ConsentState:
    """Combine all sources as the gateway does."""
    said = Signals.from_code(own)
    state = combine(stored, refused, said, gpc=gpc, now_ms=NOW, max_age_ms=YEAR, made_ms=made_ms)
    return weigh(
        state,
        words,
        record=stored,
        refusal=refused,
        own=said,
        now_ms=NOW,
        max_age_ms=YEAR,
        made_ms=made_ms,
    )


# --- every combination ----------------------------------------------------------------------------------------------

TIMES = (None, NOW - 20 * MINUTE, NOW - 10 * MINUTE, NOW - MINUTE, NOW - 2 * YEAR, NOW + 10 * MINUTE)
STORED = (None, *(record(LETTER[v] * 4, at) for v in (G, D) for at in (NOW - 10 * MINUTE, NOW - 2 * YEAR)))


def by_the_rules(
    stored: Record | None, words: list[tuple[Value, int | None]], own: Value, *, ad: bool, gpc: bool
) -> tuple[Value, Reason]:
    """Say what one signal is by the published rules, in their own order and words."""
    decisions: list[tuple[int, bool, Value]] = []
    if stored is not None and stored.signals.ad_storage is not U:
        decisions.append((stored.decided_at, stored.signals.ad_storage is D, stored.signals.ad_storage))
    decisions += [(at, value is D, value) for value, at in words if value is not U and at is not None]
    at, _, value = max(decisions, key=lambda one: one[:2], default=(0, False, U))
    reason = {G: Reason.GRANTED, D: Reason.CONSENT_DENIED, U: Reason.CONSENT_UNKNOWN}[value]
    if value is G and at > NOW + 5 * MINUTE:
        value, reason = U, Reason.CONSENT_UNREADABLE
    elif value is G and at < NOW - YEAR:
        value, reason = U, Reason.CONSENT_EXPIRED
    loose = [own, *(value for value, at in words if at is None)]
    if D in loose and reason is not Reason.CONSENT_UNREADABLE:
        value, reason = D, Reason.CONSENT_DENIED
    elif D in loose:
        value = D
    elif G in loose and reason is Reason.CONSENT_UNKNOWN:
        value, reason = G, Reason.GRANTED
    if (
        gpc
        and ad
        and not (stored is not None and stored.gpc and value is G and stored.signals.ad_storage is G)
    ):
        value, reason = D, reason if reason is Reason.CONSENT_UNREADABLE else Reason.GPC
    return value, reason


@pytest.mark.parametrize("gpc", [False, True])
@pytest.mark.parametrize("own", [U, G, D])
@pytest.mark.parametrize("number", range(len(STORED)))
def test_every_combination_of_two_other_sources_follows_the_rules(number: int, own: Value, gpc: bool) -> None:
    """Nothing is granted that the rules do not grant, and what they grant is granted."""
    stored = STORED[number]
    for (first, first_at), (second, second_at) in product(product((G, D, U), TIMES), repeat=2):
        words = [(first, first_at), (second, second_at)]
        state = weighed(
            *(word(LETTER[value] * 4, at) for value, at in words), stored=stored, own=LETTER[own] * 4, gpc=gpc
        )
        for position, ad in ((0, False), (1, True)):
            wanted, why = by_the_rules(stored, words, own, ad=ad, gpc=gpc)
            found = state.signals.values()[position]
            assert (found is G) == (wanted is G), (words, stored, own, gpc, found, wanted)
            if wanted is G or Reason.CONSENT_UNREADABLE not in {why, state.why[position]}:
                assert state.why[position] is why, (words, stored, own, gpc)


codes = st.text("gdu", min_size=4, max_size=4)
some_words = st.lists(
    st.builds(
        word,
        codes,
        st.none() | st.integers(NOW - 9 * MINUTE, NOW + MINUTE) | st.integers(NOW - 2 * YEAR, NOW + YEAR),
        st.sampled_from([Source.CMP, Source.TCF, Source.CONSENT_MODE, Source.GPP]),
    ),
    max_size=4,
)
some_records = st.none() | st.builds(
    record, codes, st.integers(NOW - 2 * YEAR, NOW), gpc=st.booleans(), tombstone=st.booleans()
)


@settings(max_examples=300, deadline=None)
@given(some_words, some_records, codes, st.booleans())
def test_silence_and_denials_never_raise_anything(
    words: list[Word], stored: Record | None, own: str, gpc: bool
) -> None:
    """A source that grants nothing can only lower."""
    nothing = [
        Word(
            one.source,
            Said(Signals.from_code(one.said.signals.code().replace("g", "u")), one.said.decided_at),
            "",
        )
        for one in words
    ]
    without = weighed(stored=stored, own=own, gpc=gpc)
    with_them = weighed(*nothing, stored=stored, own=own, gpc=gpc)
    for before, after in zip(without.signals.values(), with_them.signals.values(), strict=True):
        assert after is not G or before is G


@settings(max_examples=300, deadline=None)
@given(some_words, some_records, codes, st.booleans())
def test_what_nobody_grants_is_not_granted(
    words: list[Word], stored: Record | None, own: str, gpc: bool
) -> None:
    """Every grant has a source that gives it."""
    state = weighed(*words, stored=stored, own=own, gpc=gpc)
    for position, value in enumerate(state.signals.values()):
        if value is G:
            given_by = [one.said.signals.values()[position] for one in words]
            given_by.append(Signals.from_code(own).values()[position])
            if stored is not None and not stored.tombstone:
                given_by.append(stored.signals.values()[position])
            assert G in given_by


@settings(max_examples=300, deadline=None)
@given(some_words, codes, st.booleans())
def test_nothing_is_granted_under_a_tombstone(words: list[Word], own: str, gpc: bool) -> None:
    """Whatever any source says."""
    state = weighed(*words, stored=record("dddd", tombstone=True), own=own, gpc=gpc)
    assert all(value is not G for value in state.signals.values())


@settings(max_examples=200, deadline=None)
@given(some_words, some_records, codes)
def test_one_garbled_source_lets_nothing_be_granted(
    words: list[Word], stored: Record | None, own: str
) -> None:
    """Under its own reason, so that somebody can find it."""
    state = weighed(*words, Word(Source.CMP, GARBLED, "cookiebot"), stored=stored, own=own)
    assert state.signals is ALL_UNKNOWN
    assert set(state.why) == {Reason.CONSENT_UNREADABLE}
    assert state.garbled


# --- cases ----------------------------------------------------------------------------------------------------------


def test_a_silent_source_has_no_say() -> None:
    """The very same state comes back."""
    before = combine(record("gggg"), None, ALL_UNKNOWN, gpc=False, now_ms=NOW, max_age_ms=YEAR)
    after = weigh(
        before,
        [Word(Source.CMP, SILENT, "klaro")],
        record=record("gggg"),
        refusal=None,
        own=ALL_UNKNOWN,
        now_ms=NOW,
        max_age_ms=YEAR,
    )
    assert after is before


def test_a_banner_cookie_that_is_newer_than_a_stored_denial_raises_it() -> None:
    """It has a time, and the visitor's own id came with it."""
    state = weighed(word("gggg", NOW - MINUTE), stored=record("dddd"))
    assert state.signals.code() == "gggg"
    assert state.source == "cmp"
    assert state.decided_at == NOW - MINUTE


def test_a_banner_cookie_that_is_newer_than_a_stored_grant_lowers_it() -> None:
    """Also where the loader's own post was lost."""
    assert weighed(word("dddd", NOW - MINUTE), stored=record("gggg")).signals.code() == "dddd"


def test_an_older_banner_cookie_changes_nothing() -> None:
    """The newest explicit decision wins."""
    old = NOW - 20 * MINUTE
    assert weighed(word("dddd", old), stored=record("gggg")).signals.code() == "gggg"
    assert weighed(word("gggg", old), stored=record("dddd")).signals.code() == "dddd"


def test_a_source_without_a_time_lowers_but_never_raises_what_is_stored() -> None:
    """It may be older than any of it."""
    assert weighed(word("gggg"), stored=record("dddd")).signals.code() == "dddd"
    assert weighed(word("dddd"), stored=record("gggg")).signals.code() == "dddd"


def test_an_event_made_while_denied_is_not_released_by_a_banner_cookie_of_later() -> None:
    """The event is older than the grant, and younger than the denial."""
    made = NOW - 5 * MINUTE
    grant = word("gggg", NOW - MINUTE)
    assert weighed(grant, stored=record("dddd"), made_ms=made).signals.code() == "dddd"
    assert weighed(grant, stored=record("dddd"), made_ms=NOW).signals.code() == "gggg"


def test_the_refusal_cookie_competes_by_its_time() -> None:
    """A grant must be newer to lift it."""
    refused = Refusal(Signals.from_code("dddd"), NOW - 10 * MINUTE)
    assert weighed(word("gggg", NOW - MINUTE), refused=refused).signals.code() == "gggg"
    assert weighed(word("gggg", NOW - 20 * MINUTE), refused=refused).signals.code() == "dddd"
    assert weighed(word("gggg"), refused=refused).signals.code() == "dddd"


def test_an_unreadable_record_stays_unreadable_whatever_else_is_said() -> None:
    """Another source does not mend it."""
    state = combine(UNREADABLE, None, ALL_UNKNOWN, gpc=False, now_ms=NOW, max_age_ms=YEAR)
    words = [word("gggg", NOW)]
    again = weigh(state, words, record=UNREADABLE, refusal=None, own=ALL_UNKNOWN, now_ms=NOW, max_age_ms=YEAR)
    assert again is state


def test_gpc_is_not_lifted_by_another_source() -> None:
    """Only by a stored grant that was itself given with it."""
    assert weighed(word("gggg", NOW - MINUTE), gpc=True).signals.code() == "gddd"


def test_disagreements_are_named_once_per_pair_of_sources() -> None:
    """In the order of the closed set, whoever was heard first."""
    found = disagreements(
        record("ggdd"),
        Refusal(Signals.from_code("uuuu"), NOW),
        Signals.from_code("dddd"),
        [word("uuuu"), word("dggg", source=Source.TCF), word("dduu", source=Source.TCF)],
    )
    assert found == [
        (Source.RECORD, Source.EVENT),
        (Source.RECORD, Source.TCF),
        (Source.EVENT, Source.TCF),
    ]


def test_sources_that_agree_or_are_silent_do_not_disagree() -> None:
    """What is unknown contradicts nobody."""
    assert disagreements(record("ggud"), None, Signals.from_code("gguu"), [word("uuud")]) == []
