"""Entries: what the outbox holds is what was put in, and nothing else is ever read as one."""

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.entry import Entry, Shared, decode, encode
from proxy.event import CookielessEvent, FullEvent
from proxy.signals import Signals
from tests.support.events import NOW_MS, cookieless_event, full_event

QUICK = settings(max_examples=200, deadline=None)

TEXT = st.text(max_size=20)
SCALAR = (
    TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
FREE = st.dictionaries(TEXT, SCALAR, max_size=3)
MAYBE = st.none() | TEXT
STRINGS = st.dictionaries(TEXT, TEXT, max_size=3)
VALUE = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
SIGNALS = st.text("gdu", min_size=4, max_size=4).map(Signals.from_code)
FULL = st.builds(
    FullEvent,
    TEXT, TEXT, st.integers(0, 2**45), MAYBE, MAYBE, MAYBE, FREE, st.lists(FREE, max_size=3), VALUE, MAYBE, MAYBE, TEXT,
    MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, STRINGS, STRINGS, MAYBE, FREE, SIGNALS, st.booleans(),
)  # fmt: skip
COOKIELESS = st.builds(
    CookielessEvent,
    TEXT, MAYBE, MAYBE, MAYBE, FREE, st.lists(FREE, max_size=3), VALUE, MAYBE, MAYBE, TEXT, MAYBE, MAYBE, MAYBE, MAYBE,
    SIGNALS, st.booleans(), TEXT,
)  # fmt: skip
TIME = st.integers(0, 2**45)
ENTRIES = st.builds(Entry, FULL, TEXT, st.none() | TEXT, TIME, TIME, TEXT) | st.builds(
    Entry, COOKIELESS, TEXT, st.none(), TIME, TIME, TEXT
)


def entry(event: FullEvent | CookielessEvent, visitor: str | None = None) -> Entry:
    """Return an entry of that event."""
    return Entry(event, "0" * 24, visitor, NOW_MS, NOW_MS - 5, "0123456789ab")


@QUICK
@given(ENTRIES)
def test_an_entry_reads_as_it_was_written(made: Entry) -> None:
    """Every field of both kinds of event, empty or not, and the kind itself."""
    assert decode(encode(made)) == made


@QUICK
@given(FULL, FULL, COOKIELESS)
def test_what_the_entries_of_one_event_share_is_written_once_and_read_by_each(
    first: FullEvent, other: FullEvent, nameless: CookielessEvent
) -> None:
    """Each forwarder's own fields stay its own, and full and cookieless do not mix."""
    own = ("url", "referrer", "address", "ids", "contact", "user_id", "user_properties")
    second = replace(first, **{name: getattr(other, name) for name in own})
    again = replace(nameless, random_id="2.1795341600")
    shared = Shared()
    for event in (first, nameless, second, again):
        made = entry(event, "v" * 22 if isinstance(event, FullEvent) else None)
        assert decode(encode(made, shared)) == made


def test_signals_come_back_as_the_one_object_for_their_values() -> None:
    """Forwarders compare them by identity."""
    code = Signals.from_code("gdug")
    assert decode(encode(entry(full_event(signals=code)))).event.signals is code


@pytest.mark.parametrize("name", [field.name for field in fields(FullEvent)])
def test_no_field_of_a_full_event_is_forgotten(name: str) -> None:
    """What tells one full event from another tells their entries apart too."""
    event = full_event()
    value = getattr(event, name)
    changed: Any = {  # of the kind that the field is
        "signals": Signals.from_code("dddd"),
        "explicit": False,
        "time_ms": 1,
        "value": 1.5,
        "items": [{"item_id": "other"}],
    }.get(name, {"other": "x"} if isinstance(value, dict) else "other")
    other = decode(encode(entry(replace(event, **{name: changed}))))
    assert getattr(other.event, name) == changed
    assert other != entry(event)


def test_nothing_stands_in_an_entry_that_is_not_in_its_event() -> None:
    """No key is written for what is empty: an entry tells what it knows, and how little that may be."""
    bare = cookieless_event(
        url=None, referrer=None, title=None, items=[], value=None, currency=None, transaction_id=None,
        language=None, screen=None, country=None,
    )  # fmt: skip
    body = orjson.loads(encode(entry(bare)))
    assert set(body["s"]) | set(body["e"]) == {"name", "user_agent", "signals", "explicit", "random_id"}


def test_an_entry_does_not_print_itself() -> None:
    """A log line or a traceback that holds one holds nobody's data."""
    made = entry(full_event(ids={"client_id": "1254136630.1795000000"}), "v" * 22)
    assert "1254136630" not in repr(made)
    assert "v" * 22 not in repr(made)
    assert "1254136630" not in repr(made.event)


def test_an_entry_ages_from_the_event_where_its_time_is_known() -> None:
    """A cookieless one carries no time, so from when we took it; a time ahead of ours does not make it younger."""
    assert entry(full_event(time_ms=NOW_MS - 7)).made_ms == NOW_MS - 7
    assert entry(full_event(time_ms=NOW_MS + 7)).made_ms == NOW_MS
    assert entry(cookieless_event()).made_ms == NOW_MS


GOOD = encode(entry(full_event(), "v" * 22))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        GOOD[:-1],
        GOOD.replace(b'"signals":"gggg"', b'"signals":"gggx"'),
        GOOD.replace(b'"signals":"gggg"', b'"signals":["g"]'),
        GOOD.replace(b'"signals":"gggg"', b'"signals":null'),
        GOOD.replace(b'"signals":"gggg",', b""),
        GOOD.replace(b'"name":', b'"surprise":1,"name":'),
        GOOD.replace(b'"m":"f"', b'"m":"c"'),
        GOOD.replace(b'"e":{', b'"e":[{').replace(b"}}", b"}]}"),
        GOOD.replace(b'"r":', b'"q":'),
        b"\xff" + GOOD,
    ],
)
def test_what_is_no_entry_of_ours_is_refused_without_quoting_it(raw: bytes) -> None:
    """One broken entry costs itself; its error may be logged."""
    with pytest.raises(ValueError, match=r"not an entry|not a consent code") as caught:
        decode(raw)
    assert "shop.example" not in str(caught.value)


@QUICK
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: orjson.dumps({"m": "f", "s": {}, "e": text}))
)
def test_no_bytes_make_reading_fail_in_another_way(raw: bytes) -> None:
    """Whatever has got into a stream."""
    with pytest.raises(ValueError, match=r"not an entry|not a consent code"):
        decode(raw)
