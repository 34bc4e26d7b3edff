"""Google's consent parameters, against what its own tag was recorded to send."""

from itertools import product

import pytest

from forwarders._consent_mode import CONSENT_KEYS, Four, Setting, Told, consent_pairs, encode_gcd, gcd, gcs
from proxy.signals import ALL_DENIED, ALL_GRANTED, ALL_UNKNOWN, Signals, Value

UNSET, DENIED, GRANTED = Setting.UNSET, Setting.DENIED, Setting.GRANTED
NOTHING = Told()
REFUSED = Told(default=DENIED, update=DENIED)
ACCEPTED = Told(default=DENIED, update=GRANTED)
UNANSWERED = Told(default=DENIED)
GIVEN = Told(default=GRANTED, update=GRANTED)
GIVEN_BY_DEFAULT = Told(default=GRANTED)
TAKEN_BACK = Told(default=GRANTED, update=DENIED)
DECLARED = Told(declared=GRANTED)

# Strings that were captured in real traffic, or recorded by suites that drive the real tag.
RECORDED: list[tuple[str, Four, dict[str, object], str]] = [
    ("no consent mode, EEA", (NOTHING,) * 4, {"eea": True, "active": False}, "13l3l3l2l1l1"),
    ("no consent mode, elsewhere", (NOTHING,) * 4, {"eea": False, "active": False}, "13l3l3l3l1l1"),
    ("denied by default, no choice yet", (UNANSWERED,) * 4, {"eea": True}, "13p3p3p2p5l1"),
    ("all refused", (REFUSED,) * 4, {"eea": False}, "13q3q3q3q5l1"),
    ("all accepted, EEA", (ACCEPTED,) * 4, {"eea": True}, "13r3r3r2r5l1"),
    ("all accepted, elsewhere", (ACCEPTED,) * 4, {"eea": False}, "13r3r3r3r5l1"),
    ("only analytics", (REFUSED, ACCEPTED, REFUSED, REFUSED), {"eea": False}, "13q3r3q3q5l1"),
    ("only ad storage", (ACCEPTED, REFUSED, REFUSED, REFUSED), {"eea": False}, "13r3q3q3q5l1"),
    ("only ad user data", (REFUSED, REFUSED, ACCEPTED, REFUSED), {"eea": False}, "13q3q3r3q5l1"),
    ("only personalisation", (REFUSED, REFUSED, REFUSED, ACCEPTED), {"eea": False}, "13q3q3q3r5l1"),
    ("consent mode v1, granted", (GIVEN, GIVEN, NOTHING, NOTHING), {"eea": False}, "13v3v3l3l5l1"),
    ("only ad user data declared", (NOTHING, NOTHING, DECLARED, NOTHING), {"eea": False}, "13l3l3R3l5l1"),
    ("a tag before 2024", (NOTHING,) * 4, {"eea": True, "active": False, "tail": ""}, "13l3l3l2l1"),
]
# Computed by the same rules, and nowhere recorded yet.
COMPUTED: list[tuple[str, Four, dict[str, object], str]] = [
    ("all refused, EEA", (REFUSED,) * 4, {"eea": True}, "13q3q3q2q5l1"),
    ("only analytics, EEA", (REFUSED, ACCEPTED, REFUSED, REFUSED), {"eea": True}, "13q3r3q2q5l1"),
    ("granted by default", (GIVEN_BY_DEFAULT,) * 4, {"eea": True}, "13t3t3t2t5l1"),
    ("granted, then granted", (GIVEN,) * 4, {"eea": True}, "13v3v3v2v5l1"),
    ("granted, then denied", (TAKEN_BACK,) * 4, {"eea": True}, "13u3u3u2u5l1"),
    ("only an update", (Told(update=DENIED),) * 4, {"eea": True}, "13m3m3m2m5l1"),
    ("only an update, granted", (Told(update=GRANTED),) * 4, {"eea": False}, "13n3n3n3n5l1"),
    ("personalised ads off", (ACCEPTED,) * 4, {"eea": True, "personalised_ads": DENIED}, "13r3r3r2r7l1"),
    ("personalised ads on", (ACCEPTED,) * 4, {"eea": True, "personalised_ads": GRANTED}, "13r3r3r2r6l1"),
]


@pytest.mark.parametrize(
    ("told", "how", "expected"),
    [row[1:] for row in RECORDED + COMPUTED],
    ids=[row[0] for row in RECORDED + COMPUTED],
)
def test_gcd_is_what_the_tag_writes(told: Four, how: dict[str, object], expected: str) -> None:
    """Twelve characters: implicit state and letter of each signal, a flag, and the container's defaults."""
    assert encode_gcd(told, **how) == expected  # type: ignore[arg-type]  # keywords of a table


def test_every_letter_of_the_alphabet_that_a_signal_can_have() -> None:
    """Default and update, for a signal that is not declared, declared denied and declared granted."""
    rows = {}
    for declared in Setting:
        order = [(u, d) for d in (UNSET, DENIED, GRANTED) for u in (UNSET, DENIED, GRANTED)]
        rows[declared] = "".join(Told(default=d, update=u, declared=declared).letter() for u, d in order)
    assert rows == {UNSET: "lmnpqrtuv", DENIED: "BCDFGHJKL", GRANTED: "RSTVWXZ-_"}


ANALYTICS_ONLY = Signals.from_code("gddd")
ADS_ONLY = Signals.from_code("dggg")
AD_STORAGE_ONLY = Signals.from_code("dgdd")
USER_DATA_ONLY = Signals.from_code("ddgd")
PERSONAL_ONLY = Signals.from_code("dddg")
NOT_PERSONAL = Signals.from_code("gggd")
ONE_ANSWER = Signals.from_code("guuu")


@pytest.mark.parametrize(
    ("signals", "explicit", "country", "expected"),
    [
        (ALL_UNKNOWN, False, "NO", "gcs=G100 gcd=13p3p3p2p5l1 npa=1 dma=1 dma_cps=- pscdl=denied"),
        (ALL_UNKNOWN, False, "US", "gcs=G100 gcd=13p3p3p3p5l1 npa=1 dma=0 dma_cps=- pscdl=denied"),
        (ALL_DENIED, True, "NO", "gcs=G100 gcd=13q3q3q2q5l1 npa=1 dma=1 dma_cps=- pscdl=denied"),
        (ALL_DENIED, True, "US", "gcs=G100 gcd=13q3q3q3q5l1 npa=1 dma=0 dma_cps=- pscdl=denied"),
        (ALL_DENIED, True, None, "gcs=G100 gcd=13q3q3q2q5l1 npa=1 dma=1 dma_cps=- pscdl=denied"),
        (ANALYTICS_ONLY, True, "DE", "gcs=G101 gcd=13q3r3q2q5l1 npa=1 dma=1 dma_cps=- pscdl=denied"),
        (AD_STORAGE_ONLY, True, "DE", "gcs=G110 gcd=13r3q3q2q5l1 npa=1 dma=1 dma_cps=- pscdl=noapi"),
        (USER_DATA_ONLY, True, "DE", "gcs=G100 gcd=13q3q3r2q5l1 npa=1 dma=1 dma_cps=syphamo pscdl=denied"),
        (USER_DATA_ONLY, True, "US", "gcs=G100 gcd=13q3q3r3q5l1 npa=1 dma=0 pscdl=denied"),
        (PERSONAL_ONLY, True, "DE", "gcs=G100 gcd=13q3q3q2r5l1 npa=0 dma=1 dma_cps=- pscdl=denied"),
        (NOT_PERSONAL, True, "DE", "gcs=G111 gcd=13r3r3r2q5l1 npa=1 dma=1 dma_cps=syphamo pscdl=noapi"),
        (ADS_ONLY, True, "DE", "gcs=G110 gcd=13r3q3r2r5l1 npa=0 dma=1 dma_cps=syphamo pscdl=noapi"),
        (ALL_GRANTED, True, "US", "gcs=G111 gcd=13r3r3r3r5l1 npa=0 dma=0 pscdl=noapi"),
        (ONE_ANSWER, True, "NO", "gcs=G101 gcd=13p3r3p2p5l1 npa=1 dma=1 dma_cps=- pscdl=denied"),
    ],
)
def test_a_ping_states_the_visitors_actual_consent(
    signals: Signals, explicit: bool, country: str | None, expected: str
) -> None:
    """A default is told apart from a choice; an unknown country counts as inside the EEA."""
    pairs = consent_pairs(signals, explicit=explicit, country=country)
    assert " ".join(f"{key}={value}" for key, value in pairs) == expected


def test_no_state_of_a_visitor_is_stated_as_more_than_it_is() -> None:
    """In all 324 cases: only granted signals show as granted, and every key is declared."""
    codes = ["".join(letters) for letters in product("gdu", repeat=4)]
    for code, explicit, country in product(codes, (True, False), ("NO", "US")):
        signals = Signals.from_code(code)
        stated = dict(consent_pairs(signals, explicit=explicit, country=country))
        assert set(stated) <= CONSENT_KEYS
        assert stated["gcs"] == gcs(signals)
        order = (
            signals.ad_storage,
            signals.analytics_storage,
            signals.ad_user_data,
            signals.ad_personalization,
        )
        letters = gcd(signals, explicit=explicit, eea=country == "NO")[2:10:2]
        assert [letter in "rt" for letter in letters] == [value is Value.GRANTED for value in order]
        assert (stated["npa"] == "0") == (signals.ad_personalization is Value.GRANTED)
        assert (stated["pscdl"] == "denied") == (signals.ad_storage is not Value.GRANTED)
