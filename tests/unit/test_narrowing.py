"""What is left of a full entry when a part of its consent was taken back: never more than would be made of it now."""

from dataclasses import replace
from itertools import product

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.base import Forwarder
from proxy.consent import Record, still_allows
from proxy.delivery.narrowing import narrowed, stricter
from proxy.event import FullEvent
from proxy.policy import PRESET_NAMES, load_preset
from proxy.signals import INDEX, Signals, Value
from proxy.urls import full_url
from tests.support.events import CLICK_IDS, full_event_for
from tests.support.reduction import FORWARDERS

NOW = 1_795_341_600_000
YEAR = 365 * 86_400_000
READ = NOW - 600_000
LONG_AGO = NOW - YEAR - 1
AHEAD = NOW + 5 * 60_000 + 1
LEVEL = {"d": 0, "u": 1, "g": 2}


Four = tuple[int, int, int, int]


def record(code: str, *, at: int = NOW, denied_at: Four = (0, 0, 0, 0), times: Four = (0, 0, 0, 0)) -> Record:
    """Return a stored record, its signals as four letters."""
    return Record(Signals.from_code(code), "banner", at, times=times, denied_at=denied_at)


@pytest.mark.parametrize(
    ("held", "stored", "left"),
    [
        ("gggg", record("gggg"), "gggg"),
        ("gggg", record("gddd"), "gddd"),
        ("gggg", record("gggd"), "gggd"),
        ("gddd", record("gggg"), "gddd"),  # granted later: it releases nothing
        ("guuu", record("gggg"), "guuu"),
        ("guuu", record("gddd"), "gddd"),
        ("gggg", record("uuuu"), "gggg"),  # what the record does not know changes nothing
        ("gggg", record("gggg", denied_at=(0, READ, READ + 1, READ - 1)), "gddg"),
        ("gggg", record("gggg", at=LONG_AGO), "uuuu"),
        ("gddg", record("gggg", at=LONG_AGO), "uddu"),
        ("gggg", record("gggg", at=AHEAD), "uuuu"),
        ("gggg", record("gggg", at=LONG_AGO, times=(NOW, NOW, NOW, NOW)), "gggg"),
        ("gggg", record("gggg", times=(NOW, LONG_AGO, AHEAD, NOW)), "guug"),
        ("gddg", record("gddg", times=(NOW, NOW, NOW, NOW), denied_at=(0, READ - 1, READ - 1, 0)), "gddg"),
        ("gddg", record("gddg", times=(NOW, NOW, NOW, NOW), denied_at=(READ, 0, 0, 0)), "dddg"),
        ("gggg", record("gggg", at=0), "uuuu"),
    ],
)
def test_what_was_taken_back_is_gone(held: str, stored: Record, left: str) -> None:
    """Denied, denied in between, run out or impossible: no longer granted. Nothing is ever raised."""
    found = narrowed(Signals.from_code(held), stored, read_at=READ, now_ms=NOW, max_age_ms=YEAR)
    assert found is Signals.from_code(left)


CODES = st.text("gdu", min_size=4, max_size=4)
MOMENTS = st.sampled_from([0, LONG_AGO, READ - 1, READ, NOW, AHEAD])
FOUR = st.tuples(MOMENTS, MOMENTS, MOMENTS, MOMENTS)
RECORDS = st.builds(record, CODES, at=MOMENTS, denied_at=FOUR, times=FOUR)


@settings(max_examples=300, deadline=None)
@given(CODES, RECORDS)
def test_it_only_lowers_and_doing_it_again_changes_nothing(held: str, stored: Record) -> None:
    """However often consent is read again, each signal stays or falls."""
    first = narrowed(Signals.from_code(held), stored, read_at=READ, now_ms=NOW, max_age_ms=YEAR)
    assert all(LEVEL[new] <= LEVEL[old] for new, old in zip(first.code(), held, strict=True))
    assert narrowed(first, stored, read_at=READ, now_ms=NOW, max_age_ms=YEAR) is first


@settings(max_examples=300, deadline=None)
@given(CODES, RECORDS)
def test_what_it_leaves_granted_a_decision_could_still_stand_on(held: str, stored: Record) -> None:
    """The rule for the whole entry and the rule for its parts are one."""
    left = narrowed(Signals.from_code(held), stored, read_at=READ, now_ms=NOW, max_age_ms=YEAR)
    for position, value in enumerate(left.values()):
        if value is Value.GRANTED:
            assert still_allows(stored, (position,), read_at=READ, now_ms=NOW, max_age_ms=YEAR)


def test_of_two_states_the_stricter_counts_signal_by_signal() -> None:
    """Denied before unknown before granted."""
    for one, other in product("gdu", repeat=2):
        found = stricter(Signals.from_code(one * 4), Signals.from_code(other * 4))
        assert found.code() == min(one, other, key=LEVEL.__getitem__) * 4
    assert stricter(Signals.from_code("gdug"), Signals.from_code("ggdd")).code() == "gddd"


# --- every forwarder ------------------------------------------------------------------------------------------------

URL = "https://shop.example/a?utm_source=news&" + "&".join(
    f"{key}={value}" for key, value in CLICK_IDS.items()
)


def reduced(forwarder: Forwarder, signals: Signals) -> FullEvent:
    """Return what reduction would make of one and the same event under these signals."""
    identified = forwarder.takes_user_id(signals)
    return full_event_for(
        forwarder,
        signals=signals,
        url=full_url(URL, forwarder.keeps_click_ids(signals)),
        user_id="user-1" if identified else None,
        user_properties={"tier": "gold"} if identified else {},
    )


def needs_of(module: str) -> set[tuple[int, ...]]:
    """Return the signals on which some preset lets this vendor's events be full."""
    rules = [load_preset(name).rule_for(module) for name in PRESET_NAMES]
    return {tuple(INDEX[signal] for signal in rule.needs) for rule in rules}


@pytest.mark.parametrize("name", FORWARDERS)
def test_a_narrowed_entry_is_sent_as_if_it_had_been_made_now(name: str) -> None:
    """What stood on the signals that are gone is not in the request, whatever the entry holds."""
    forwarder = FORWARDERS[name]
    codes = ["".join(letters) for letters in product("gdu", repeat=4)]
    compared = 0
    for needs, held, now in product(needs_of(name), codes, codes):
        falls = all(LEVEL[new] <= LEVEL[old] for new, old in zip(now, held, strict=True))
        if held == now or not falls or any(now[position] != "g" for position in needs):
            continue
        late = replace(reduced(forwarder, Signals.from_code(held)), signals=Signals.from_code(now))
        fresh = reduced(forwarder, Signals.from_code(now))
        assert orjson.dumps(forwarder.full([late]).body) == orjson.dumps(forwarder.full([fresh]).body), (
            held,
            now,
        )
        compared += 1
    assert compared > 0
