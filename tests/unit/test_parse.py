"""What strangers send: how it becomes an event."""

import copy
import math
from typing import Any

import pytest

from proxy.event import Event
from proxy.parse import (
    MAX_DEPTH,
    InvalidInputError,
    parse_event,
    parse_signals,
    too_deep,
)
from proxy.reasons import Invalid
from proxy.signals import ALL_UNKNOWN, SIGNALS, Signals

NOW = 1_795_341_600_000
HOUR = 3_600_000
Json = Any  # any JSON value


def parse(raw: Json, *, trusted: bool = False) -> Event:
    """Parse at a fixed time."""
    return parse_event(raw, now_ms=NOW, mint_id="minted-id", trusted=trusted)


def event(**keys: Json) -> Event:
    """Parse a purchase with these keys."""
    return parse({"name": "purchase", **keys})


def refused(raw: Json, *, trusted: bool = False) -> InvalidInputError:
    """Return why it is refused."""
    with pytest.raises(InvalidInputError) as caught:
        parse(raw, trusted=trusted)
    return caught.value


def short(value: Json) -> str:
    """Name a case. In hexadecimal, as Python writes no number of thousands of digits in any other way."""
    return hex(value)[:24] if type(value) is int else repr(value)[:24]


# --- what is taken --------------------------------------------------------------------------------------------------


def test_a_name_is_all_that_an_event_needs() -> None:
    """The id is minted, the time is that of receipt, and everything else is absent."""
    found = parse({"name": "page_view"})
    assert (found.name, found.event_id, found.minted, found.time_ms) == ("page_view", "minted-id", True, NOW)
    assert found.consent is ALL_UNKNOWN
    assert found.params == {}
    assert found.items == []
    assert found.ids == {}
    assert (found.url, found.user_data, found.user_id, found.value, found.visitor) == (None,) * 5


def test_a_whole_purchase() -> None:
    """Every part finds its place; value, currency and transaction id are no free parameters."""
    found = parse(
        {
            "name": "purchase",
            "event_id": "018f",
            "timestamp": NOW - HOUR,
            "page": {"url": "https://shop.example/thanks", "referrer": "https://a.example/", "title": "Takk"},
            "params": {
                "value": 499.0,
                "currency": "nok",
                "transaction_id": "T-1",
                "coupon": "SUMMER",
                "items": [{"item_id": "SKU1", "price": 249.5, "quantity": 2}],
            },
            "user_data": {"email": "kari@shop.example", "country": "NO"},
            "user_id": "u-1",
            "user_properties": {"member": True},
            "consent": {"analytics_storage": "granted", "ad_storage": "denied"},
            "client": {"language": "nb-NO", "screen": "1920x1080"},
        }
    )
    assert (found.event_id, found.minted, found.time_ms) == ("018f", False, NOW - HOUR)
    assert (found.url, found.referrer, found.title) == (
        "https://shop.example/thanks",
        "https://a.example/",
        "Takk",
    )
    assert (found.value, found.currency, found.transaction_id) == (499.0, "NOK", "T-1")
    assert found.params == {"coupon": "SUMMER"}
    assert found.items == [{"item_id": "SKU1", "price": 249.5, "quantity": 2}]
    assert found.user_data is not None
    assert (found.user_data.email, found.user_data.country) == ("kari@shop.example", "NO")
    assert (found.user_id, found.user_properties) == ("u-1", {"member": True})
    assert found.consent is Signals.from_code("gduu")
    assert (found.language, found.screen) == ("nb-NO", "1920x1080")


def test_an_ingest_key_lets_a_backend_say_what_a_browser_carries_by_itself() -> None:
    """Without one, nobody says on whose behalf or from which address they speak."""
    raw = {
        "name": "purchase",
        "visitor": "v" * 22,
        "session_id": "1795340000",
        "client": {"user_agent": "Mozilla/5.0", "ip": "203.0.113.7"},
    }
    mine = parse(raw, trusted=True)
    assert (mine.visitor, mine.session_id, mine.user_agent, mine.address) == (
        "v" * 22,
        "1795340000",
        "Mozilla/5.0",
        "203.0.113.7",
    )
    stranger = parse(raw)
    assert (stranger.visitor, stranger.session_id, stranger.user_agent, stranger.address) == (None,) * 4


def test_what_was_sent_stays_as_it_was() -> None:
    """The same value can be parsed again, and what is left of it told."""
    items = [{"item_id": "SKU1", "price": None}]
    raw = {"name": "purchase", "params": {"items": items, "value": 1, "plan": "x"}, "ids": {"gclid": ""}}
    before = copy.deepcopy(raw)
    assert parse(raw) == parse(raw)
    assert raw == before


@pytest.mark.parametrize("empty", [None, "", {}])
@pytest.mark.parametrize(
    "key", ["page", "params", "user_data", "user_properties", "consent", "client", "ids"]
)
def test_what_is_empty_counts_as_absent(key: str, empty: Json) -> None:
    """Null and an empty object; an empty text is no object."""
    if empty == "":
        assert refused({"name": "purchase", key: empty}).reason is Invalid.TYPE
    else:
        assert event(**{key: empty}) == event()


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_texts_count_as_absent(empty: Json) -> None:
    """Data layers are full of empty texts; none of them is an id, an address or a person."""
    found = event(
        event_id=empty,
        user_id=empty,
        page={"url": empty, "referrer": empty, "title": empty},
        params={"value": empty, "currency": empty, "transaction_id": empty, "items": None},
        user_data={"email": empty},
        client={"language": empty, "screen": empty},
        ids={"gclid": empty},
    )
    assert found == event()
    assert found.minted


@pytest.mark.parametrize("surprise", ["newer_key", "Name", "timestamps", "__proto__", "items", "value"])
def test_unknown_keys_are_left_out(surprise: str) -> None:
    """A newer loader may say more than we understand; a value beside params is none."""
    assert event(**{surprise: [{"deep": 1}]}) == event()
    assert event(user_data={surprise: ["x"]}, client={surprise: 1}, page={surprise: 1}) == event()


def test_a_null_parameter_is_no_parameter() -> None:
    """Neither in params nor in items nor among user properties."""
    found = event(params={"a": None, "b": 0, "c": False, "items": [{"d": None}]}, user_properties={"e": None})
    assert (found.params, found.items, found.user_properties) == ({"b": 0, "c": False}, [{}], {})


NUMBERS: list[tuple[Json, float | None]] = [
    (499, 499),
    (-12.5, -12.5),
    (0, 0),
    ("499.00", 499.0),
    (" 12.50 ", 12.5),
    ("+.5", 0.5),
    ("1e3", 1000.0),
    ("-0", 0.0),
    (2**53, 2**53),
]


@pytest.mark.parametrize(("written", "wanted"), NUMBERS)
def test_a_value_may_be_written_as_text(written: Json, wanted: float) -> None:
    """Shops print prices."""
    assert event(params={"value": written}).value == wanted


@pytest.mark.parametrize(
    "written",
    [
        "499,00", "1 000", "1_000", "kr 499", "٤٩٩", "nan", "inf", "-Infinity", "1e999", "0x10", "1.2.3", "-", "e5",
        True, math.nan, math.inf, -math.inf, 10**400, -(10**400), 2**63,
    ], ids=short)  # fmt: skip
def test_a_value_is_a_number_or_refused(written: Json) -> None:
    """A comma may be a thousand or a tenth; nobody's turnover is guessed, infinite, or larger than can be stored."""
    error = refused({"name": "purchase", "params": {"value": written}})
    assert error.reason is Invalid.TYPE
    assert "number" in error.detail


@pytest.mark.parametrize("written", [math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1, 10**5000], ids=short)
@pytest.mark.parametrize("place", ["params", "items", "user_properties", "transaction_id"])
def test_numbers_that_cannot_be_stored_are_refused(place: str, written: Json) -> None:
    """They would be null or an error in the outbox; the pixel's query can spell them all."""
    raw: Json = {
        "params": {"params": {"x": written}},
        "items": {"params": {"items": [{"x": written}]}},
        "user_properties": {"user_properties": {"x": written}},
        "transaction_id": {"params": {"transaction_id": written}},
    }[place]
    assert refused({"name": "purchase", **raw}).reason is Invalid.TYPE


@pytest.mark.parametrize("written", [2**63 - 1, -(2**63), 1.7e308, 5e-324, -0.0], ids=short)
def test_numbers_that_can_be_stored_are_taken(written: float) -> None:
    """The last ones before those that cannot."""
    assert event(params={"x": written}).params == {"x": written}


@pytest.mark.parametrize(
    ("written", "wanted"), [("T-1", "T-1"), (1234567, "1234567"), (0, "0"), (12.5, "12.5")]
)
def test_a_transaction_id_may_be_a_number(written: Json, wanted: str) -> None:
    """Order numbers often are; 0 is one."""
    assert event(params={"transaction_id": written}).transaction_id == wanted


@pytest.mark.parametrize("written", ["NO", "NOKK", "N0K", "kr.", "£££", "nok\n", 578, True], ids=short)
def test_a_currency_has_three_letters(written: Json) -> None:
    """Vendors refuse anything else, for the whole batch."""
    assert refused({"name": "purchase", "params": {"currency": written}}).reason is Invalid.TYPE


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("1920x1080", "1920x1080"),
        ("390x844", "390x844"),
        ("1920X1080", None),
        ("1920 x 1080", None),
        ("9x9", None),
        ("\u0661\u0669\u0662\u0660x\u0661\u0660\u0668\u0660", None),
        ("1920x1080\n", None),
        ("kari@a.no", None),
    ],
)
def test_a_screen_is_a_size_or_nothing(written: str, wanted: str | None) -> None:
    """It costs nobody their event."""
    assert event(client={"screen": written}).screen == wanted


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (None, NOW),
        (NOW, NOW),
        (NOW - 1, NOW - 1),
        (NOW - 72 * HOUR, NOW - 72 * HOUR),
        (float(NOW - HOUR), NOW - HOUR),
        (NOW - HOUR + 0.75, NOW - HOUR),
        (NOW + 1, NOW),
        (NOW + 300_000, NOW),
    ],
)
def test_a_time_is_the_visitors_own_but_never_ahead_of_ours(written: Json, wanted: int) -> None:
    """Up to 72 hours ago, or up to 5 minutes ahead, which is then now."""
    found = event(timestamp=written).time_ms
    assert found == wanted
    assert type(found) is int


@pytest.mark.parametrize(
    "written",
    [
        NOW - 72 * HOUR - 1, NOW + 300_001, 0, -1, NOW // 1000, NOW * 1000, 10**30, 1e300,
        math.nan, math.inf, -math.inf,
        True, False, "", str(NOW), "2026-11-22T12:00:00Z", [], {}, [NOW],
    ], ids=short)  # fmt: skip
def test_any_other_time_is_refused(written: Json) -> None:
    """Seconds and microseconds too: an event in the wrong year is worse than none."""
    assert refused({"name": "purchase", "timestamp": written}).reason is Invalid.TIMESTAMP


# --- signals and depth ----------------------------------------------------------------------------------------------


def test_any_subset_of_the_signals() -> None:
    """What is absent is unknown; and the objects are the ones that the rest of the code compares by identity."""
    assert parse_signals({}) is ALL_UNKNOWN
    assert parse_signals({"ad_personalization": "denied"}) is Signals.from_code("uuud")
    assert parse_signals(dict.fromkeys(SIGNALS, "granted")).all_granted()


@pytest.mark.parametrize(
    ("value", "deep"),
    [
        (7, False),
        ({"events": [{"params": {"items": [{"item_id": "a"}]}}]}, False),
        ([[[[[[[[]]]]]]]], False),
        ([[[[[[[[7]]]]]]]], False),
        ([[[[[[[[[]]]]]]]]], True),
        ({"a": [{"a": [{"a": [{"a": [{}]}]}]}]}, True),
        ([1, {"a": 2}, [[[[[[[[0]]]]]]]], 3], True),
    ],
)
def test_depth(value: Json, deep: bool) -> None:
    """Eight arrays and objects inside each other, and not one more."""
    assert MAX_DEPTH == 8
    assert too_deep(value) is deep


def test_depth_is_counted_without_depth() -> None:
    """A value that no recursion would survive is still only too deep."""
    value: Json = []
    for _ in range(100_000):
        value = [value]
    assert too_deep(value)
    assert not too_deep([[0]] * 100_000)
    while value:  # taken apart by hand, as the interpreter would do it recursively
        value = value.pop()
