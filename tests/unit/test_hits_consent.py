"""What Google's own tag says of consent, and that nothing else in a hit is believed to be consent, or gets through without."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forwarders._google_hit import HIT_KEYS
from proxy.anonymise import clean, reduce_cookieless
from proxy.consent import combine
from proxy.event import Event, Visit
from proxy.hits import event_of, read_hits
from proxy.parse import InvalidInputError
from proxy.signals import ALL_UNKNOWN, Signals, Value
from proxy.sources.heard import hear_strings
from proxy.sources.weigh import weigh
from tests.support.events import NOW_MS
from tests.support.hits import PURCHASE, STREAMS, event
from tests.support.reduction import POLICY, RANDOM_ID, state, stored

QUICK = settings(max_examples=200, deadline=None)
GRANTED, DENIED = Value.GRANTED, Value.DENIED

# --- consent --------------------------------------------------------------------------------------------------------


def decided(made: Event) -> Signals:
    """Return what an event comes to for somebody of whom nothing is known."""
    base = combine(None, None, made.consent, gpc=False, now_ms=NOW_MS, max_age_ms=POLICY.consent_max_age_ms)
    words = hear_strings(made.strings, NOW_MS).speak()
    found = weigh(
        base,
        words,
        record=None,
        refusal=None,
        own=made.consent,
        now_ms=NOW_MS,
        max_age_ms=POLICY.consent_max_age_ms,
    )
    return found.signals


@pytest.mark.parametrize(
    ("changes", "signals"),
    [
        pytest.param({}, "gggg", id="granted"),
        pytest.param({"gcs": "G100", "gcd": "13q3q3q2q5l1", "npa": "1", "dma_cps": "-"}, "dddd", id="denied"),
        pytest.param({"gcs": "G101", "gcd": "13q3r3q2q5l1", "npa": "1"}, "gddd", id="statistics alone"),
        pytest.param({"gcs": None, "gcd": None, "npa": None, "dma_cps": None}, "uuuu", id="nothing said"),
        pytest.param({"gcs": None, "gcd": "13l3l3l2l1l1", "npa": "1"}, "uuuu", id="consent mode not in use"),
        pytest.param({"gcs": "G100", "gcd": "13p3p3p2p5l1", "npa": "1"}, "dddd", id="denied by default"),
        pytest.param({"gcd": None}, "gguu", id="gcs alone"),
        pytest.param({"gcd": "13r3r3r2r5l1", "npa": "1"}, "gggd", id="not personalised after all"),
        pytest.param({"gcs": None, "gcd": None, "npa": "1", "dma_cps": "-"}, "uudd", id="only what follows"),
        pytest.param({"dma_cps": "-"}, "ggdg", id="services told of none"),
        pytest.param({"gcs": "G100"}, "ddgg", id="the two contradict each other"),
        pytest.param({"gcd": "garbage"}, "uuuu", id="garbled"),
        pytest.param({"us_privacy": "1YYN"}, "gddd", id="opted out in the US"),
    ],
)
def test_consent_is_what_the_parameters_say(changes: dict[str, str | None], signals: str) -> None:
    """Order: analytics, ad storage, user data, personalization; what is not stated is unknown, not denied."""
    assert decided(event(**changes)) == Signals.from_code(signals)


def test_a_consent_string_that_is_stated_twice_and_not_alike_is_none() -> None:
    """Nobody knows which was meant."""
    query = urlencode(PURCHASE)
    (hit,), _ = read_hits(f"{query}&gcs=G100")
    assert hit.raw["consent"] == {"gcs": "?", "gcd": "13r3r3r2r5l1"}
    (hit,), _ = read_hits(f"gcs=G100&{query}")
    assert decided(event_of(hit, STREAMS, now_ms=NOW_MS, mint_id="m")) is ALL_UNKNOWN
    (hit,), _ = read_hits(f"{query}&gcs=G111")
    assert decided(event_of(hit, STREAMS, now_ms=NOW_MS, mint_id="m")).all_granted()
    (hit,), _ = read_hits(f"npa=1&{query}&npa=0")
    assert decided(event_of(hit, STREAMS, now_ms=NOW_MS, mint_id="m")).ad_personalization is DENIED


# --- whatever comes -------------------------------------------------------------------------------------------------

KEYS = st.one_of(
    st.sampled_from(
        [*PURCHASE, *sorted(HIT_KEYS), "gdpr", "gdpr_consent", "us_privacy", "pr7", "ep.a", "upn.b"]
    ),
    st.text(max_size=12),
)
VALUES = st.one_of(
    st.sampled_from([*PURCHASE.values(), "G1", "2", "1", "-", "~", "k0~v0", "13", "DBAA"]),
    st.text(max_size=30),
)
PAIRS = st.lists(st.tuples(KEYS, VALUES), max_size=25)
LINES = st.lists(PAIRS, max_size=3)
GRANTS = frozenset({"gcs", "gcd", "gdpr_consent"})


def written(pairs: list[tuple[str, str]]) -> str:
    """Return pairs as a query."""
    return "&".join(
        f"{quote(key, errors='replace')}={quote(value, errors='replace')}" for key, value in pairs
    )


def taken(query: str, body: str) -> list[Event]:
    """Return the events of whatever was sent."""
    try:
        hits, _ = read_hits(query, body)
    except InvalidInputError:
        return []
    events = []
    for hit in hits:
        try:
            events.append(event_of(hit, STREAMS, now_ms=NOW_MS, mint_id="m"))
        except InvalidInputError:
            continue
    return events


@QUICK
@given(st.one_of(st.text(max_size=300), PAIRS.map(written)), st.text(max_size=300))
@example("&&&===%", "%%%\n\r\n=&")
def test_nothing_that_comes_breaks_it(query: str, body: str) -> None:
    """Every text is an event, or is refused in words."""
    for made in taken(query, body):
        assert made.hit is not None
        assert made.hit.keys() <= HIT_KEYS


@QUICK
@given(PAIRS, LINES)
def test_no_query_grants_more_than_its_consent_parameters_say(
    pairs: list[tuple[str, str]], lines: list[list[tuple[str, str]]]
) -> None:
    """Whatever else stands in it, the events' own word never grants, and no parameters of consent mean no grant."""
    body = "\n".join(map(written, lines))
    for made in taken(written([*PURCHASE.items(), *pairs]), body):
        assert GRANTED not in made.consent.values()
    silent = [(key, value) for key, value in PURCHASE.items() if key not in GRANTS]
    others = [(key, value) for key, value in pairs if key not in GRANTS | {"gpp"}]
    for made in taken(written(silent + others), ""):
        assert GRANTED not in decided(made).values()


MARK = "qzjx7wvk"


@QUICK
@given(
    key=st.one_of(
        st.sampled_from(
            [*PURCHASE, *sorted(HIT_KEYS), "_fplc", "FPID", "sst.rnd", "gclid", "user_data", "ids"]
        ),
        st.text(min_size=1, max_size=12),
    ).filter(
        lambda key: (
            key not in {"en", "dl", "dr", "dt", "ep.transaction_id", "v", "tid"} and not key.startswith("pr")
        )
    )
)
def test_nothing_outside_the_allowlist_reaches_a_cookieless_entry(key: str) -> None:
    """A mark in any other parameter is gone; title and named item fields are what such an entry may carry."""
    made = taken(written([*PURCHASE.items(), (key, MARK)]), "")
    for one in made:
        reduced = reduce_cookieless(
            clean(one), Visit(), state(Signals.from_code("dddd")), POLICY, RANDOM_ID, takes_address=True
        )
        held = stored(reduced)
        assert MARK not in held
        for name in ("cid", "sid", "uid", "_p", "gtm"):
            assert PURCHASE[name].lower() not in held
        assert "gold" not in held
