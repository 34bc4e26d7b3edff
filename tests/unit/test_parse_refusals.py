"""What strangers send that is no event: why not, and what no input of any shape may ever do."""

import copy
import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.event import Event
from proxy.parse import (
    MAX_ID,
    MAX_ITEM_FIELDS,
    MAX_ITEMS,
    MAX_PARAMS,
    MAX_TEXT,
    InvalidInputError,
    parse_event,
)
from proxy.reasons import Invalid

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


# --- what is refused ------------------------------------------------------------------------------------------------

LONG_NAME = "p" * 41
REFUSED: list[tuple[str, Json, Invalid]] = [
    ("a text", "purchase", Invalid.TYPE),
    ("a list of events", [{"name": "purchase"}], Invalid.TYPE),
    ("null", None, Invalid.TYPE),
    ("a number", 7, Invalid.TYPE),
    ("true", True, Invalid.TYPE),
    ("nothing", {}, Invalid.NAME),
    ("an empty name", {"name": ""}, Invalid.NAME),
    ("a name that is no text", {"name": 7}, Invalid.NAME),
    ("a name that is a list", {"name": ["purchase"]}, Invalid.NAME),
    ("a name with a blank", {"name": "add to cart"}, Invalid.NAME),
    ("a name with a hyphen", {"name": "add-to-cart"}, Invalid.NAME),
    ("a name with a line end", {"name": "purchase\n"}, Invalid.NAME),
    ("a name that begins with a digit", {"name": "1st_purchase"}, Invalid.NAME),
    ("a name that begins with an underscore", {"name": "_purchase"}, Invalid.NAME),
    ("a name of 41 characters", {"name": LONG_NAME}, Invalid.NAME),
    ("a name in another script", {"name": "kjøp"}, Invalid.NAME),
    ("a page that is a text", {"name": "a", "page": "https://shop.example/"}, Invalid.TYPE),
    ("a URL that is an object", {"name": "a", "page": {"url": {}}}, Invalid.TYPE),
    ("a URL that is far too long", {"name": "a", "page": {"url": "x" * (MAX_TEXT + 1)}}, Invalid.TOO_LARGE),
    ("an id that is a number", {"name": "a", "event_id": 7}, Invalid.TYPE),
    ("an id that is too long", {"name": "a", "event_id": "x" * (MAX_ID + 1)}, Invalid.TOO_LARGE),
    ("parameters in a list", {"name": "a", "params": [1]}, Invalid.TYPE),
    ("a parameter that is a list", {"name": "a", "params": {"x": [1]}}, Invalid.TYPE),
    ("a parameter that is an object", {"name": "a", "params": {"x": {}}}, Invalid.TYPE),
    ("a text that is too long", {"name": "a", "params": {"x": "y" * (MAX_TEXT + 1)}}, Invalid.TOO_LARGE),
    ("a name of a parameter that is too long", {"name": "a", "params": {"x" * 129: 1}}, Invalid.TOO_LARGE),
    ("too many parameters", {"name": "a", "params": {f"p{n}": n for n in range(101)}}, Invalid.TOO_MANY),
    ("a transaction id that is too long", {"name": "a", "params": {"transaction_id": "x" * 129}}, Invalid.TOO_LARGE),
    ("a currency that is an object", {"name": "a", "params": {"currency": {}}}, Invalid.TYPE),
    ("items in an object", {"name": "a", "params": {"items": {"0": {}}}}, Invalid.TYPE),
    ("items in a text", {"name": "a", "params": {"items": "SKU1"}}, Invalid.TYPE),
    ("an item that is a text", {"name": "a", "params": {"items": ["SKU1"]}}, Invalid.TYPE),
    ("an item that is null", {"name": "a", "params": {"items": [None]}}, Invalid.TYPE),
    ("an item that is a list", {"name": "a", "params": {"items": [[]]}}, Invalid.TYPE),
    ("an item with an object", {"name": "a", "params": {"items": [{"x": {}}]}}, Invalid.TYPE),
    ("too many items", {"name": "a", "params": {"items": [{}] * (MAX_ITEMS + 1)}}, Invalid.TOO_MANY),
    ("an item with too many fields", {"name": "a", "params": {"items": [{f"f{n}": n for n in range(61)}]}}, Invalid.TOO_MANY),
    ("contact data in a list", {"name": "a", "user_data": ["kari@a.no"]}, Invalid.TYPE),
    ("two e-mail addresses", {"name": "a", "user_data": {"email": ["kari@a.no"]}}, Invalid.TYPE),
    ("a phone that is a number", {"name": "a", "user_data": {"phone": 91234567}}, Invalid.TYPE),
    ("an e-mail address without an end", {"name": "a", "user_data": {"email": "x" * 257}}, Invalid.TOO_LARGE),
    ("a user id that is an object", {"name": "a", "user_id": {}}, Invalid.TYPE),
    ("a user id that is too long", {"name": "a", "user_id": "x" * 257}, Invalid.TOO_LARGE),
    ("too many user properties", {"name": "a", "user_properties": {f"p{n}": n for n in range(51)}}, Invalid.TOO_MANY),
    ("consent in one word", {"name": "a", "consent": "granted"}, Invalid.TYPE),
    ("consent in a list", {"name": "a", "consent": ["ad_storage"]}, Invalid.TYPE),
    ("consent to everything by true", {"name": "a", "consent": {"ad_storage": True}}, Invalid.TYPE),
    ("consent in capitals", {"name": "a", "consent": {"ad_storage": "GRANTED"}}, Invalid.TYPE),
    ("consent that says that it is unknown", {"name": "a", "consent": {"ad_storage": "unknown"}}, Invalid.TYPE),
    ("consent in no word", {"name": "a", "consent": {"ad_storage": ""}}, Invalid.TYPE),
    ("consent with a blank", {"name": "a", "consent": {"ad_storage": "granted "}}, Invalid.TYPE),
    ("consent that is null", {"name": "a", "consent": {"ad_storage": None}}, Invalid.TYPE),
    ("consent that is a list", {"name": "a", "consent": {"ad_storage": ["granted"]}}, Invalid.TYPE),
    ("consent to something else", {"name": "a", "consent": {"marketing": "granted"}}, Invalid.TYPE),
    ("a client in a text", {"name": "a", "client": "nb-NO"}, Invalid.TYPE),
    ("a language that is a list", {"name": "a", "client": {"language": ["nb"]}}, Invalid.TYPE),
    ("a screen that is a number", {"name": "a", "client": {"screen": 1920}}, Invalid.TYPE),
    ("ids in a list", {"name": "a", "ids": ["gclid"]}, Invalid.TYPE),
    ("an id of a click that is a number", {"name": "a", "ids": {"gclid": 7}}, Invalid.TYPE),
    ("a click id without an end", {"name": "a", "ids": {"gclid": "x" * 601}}, Invalid.TOO_LARGE),
    ("too many ids", {"name": "a", "ids": {f"id{n}": "x" for n in range(41)}}, Invalid.TOO_MANY),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused_and_why(raw: Json, reason: Invalid) -> None:
    """Under one of a few words, with the place and what would be allowed there."""
    error = refused(raw)
    assert error.reason is reason
    assert error.detail


@pytest.mark.parametrize(
    "keys",
    [
        {"visitor": 7},
        {"visitor": "x" * (MAX_ID + 1)},
        {"session_id": 1_795_340_000},
        {"session_id": "1" * 33},
        {"client": {"user_agent": ["x"]}},
        {"client": {"user_agent": "x" * 1025}},
        {"client": {"ip": 3405803783}},
        {"client": {"ip": "x" * 65}},
    ],
)
def test_a_backend_is_held_to_its_types_and_a_stranger_need_not_know_them(keys: dict[str, Json]) -> None:
    """What only a backend may say is not even looked at without its key."""
    raw = {"name": "purchase", **keys}
    assert refused(raw, trusted=True).reason in {Invalid.TYPE, Invalid.TOO_LARGE}
    assert parse(raw).visitor is None


@pytest.mark.parametrize(
    "keys",
    [
        {"event_id": "x" * MAX_ID},
        {"page": {"url": "x" * MAX_TEXT}},
        {"params": {f"p{n}": n for n in range(MAX_PARAMS)}},
        {"params": {"x" * MAX_ID: "y" * MAX_TEXT}},
        {"params": {"items": [{f"f{n}": n for n in range(MAX_ITEM_FIELDS)}] * MAX_ITEMS}},
        {"params": {"items": [], **{f"p{n}": n for n in range(MAX_PARAMS)}}},
        {"user_properties": {f"p{n}": n for n in range(50)}},
        {"ids": {f"id{n}": "x" * 600 for n in range(40)}},
    ],
)
def test_the_largest_that_is_taken(keys: dict[str, Json]) -> None:
    """One more of anything is refused above."""
    assert event(**keys).name == "purchase"


def test_no_id_of_a_click_has_a_name_of_that_length() -> None:
    """It is left out rather than refused: it is nothing to us."""
    assert event(ids={"x" * 41: "y", "gclid": "z"}).ids == {"gclid": "z"}


# --- properties -----------------------------------------------------------------------------------------------------

SCALARS: st.SearchStrategy[Json] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(NOW - 100 * HOUR, NOW + HOUR)
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["granted", "denied", "", "NOK", "1920x1080", "x" * 5000, 10**400, "9" * 400])
)
JSON = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=10), below, max_size=4),
    max_leaves=8,
)
KNOWN = st.sampled_from(
    "name event_id timestamp page params user_data user_id user_properties consent client ids visitor session_id url"
    " referrer title value currency transaction_id items email phone ad_storage analytics_storage language screen"
    " user_agent ip gclid fbp x".split()
)
OBJECTS = st.dictionaries(KNOWN, JSON | st.dictionaries(KNOWN, JSON, max_size=5), max_size=8)
EVENTS = st.builds(
    lambda raw, name: raw | {"name": name}, OBJECTS, st.sampled_from(["purchase", "page_view"])
)
QUICK = settings(max_examples=300, deadline=None)


def accepted(raw: Json, *, trusted: bool) -> Event | InvalidInputError:
    """Parse, and return whichever way it ends. Nothing else may be raised."""
    try:
        return parse(raw, trusted=trusted)
    except InvalidInputError as error:
        return error


@QUICK
@given(JSON | OBJECTS | EVENTS, st.booleans())
def test_whatever_comes_is_an_event_or_a_reason(raw: Json, trusted: bool) -> None:
    """No JSON value makes the parser fail in any other way, and none is changed by it."""
    before = copy.deepcopy(raw)
    accepted(raw, trusted=trusted)
    assert json.dumps(raw) == json.dumps(before)


@QUICK
@given(EVENTS, st.booleans())
def test_an_event_that_is_taken_can_be_stored_and_is_within_its_limits(raw: Json, trusted: bool) -> None:
    """Every number and text of it survives the outbox as it is."""
    found = accepted(raw, trusted=trusted)
    if isinstance(found, InvalidInputError):
        return
    assert NOW - 72 * HOUR <= found.time_ms <= NOW
    assert found.event_id
    assert found.value is None or math.isfinite(found.value)
    assert found.currency is None or (len(found.currency) == 3 and found.currency.isupper())
    for values in (found.params, found.user_properties, *found.items):
        assert orjson.loads(orjson.dumps(values)) == values
        assert all(type(value) in {str, int, float, bool} for value in values.values())
    for text in (found.url, found.referrer, found.title, found.user_id, found.transaction_id, found.visitor):
        assert text is None or 0 < len(text) <= MAX_TEXT
    assert {"value", "currency", "transaction_id", "items"}.isdisjoint(found.params)


@QUICK
@given(st.text("qvxz", min_size=12, max_size=60), KNOWN, KNOWN, st.booleans())
def test_a_detail_never_quotes_what_was_sent(mark: str, outer: str, inner: str, trusted: bool) -> None:
    """Neither a value nor the name of a parameter: it is answered, and may be logged by the page."""
    for value in (mark, [mark], {mark: mark}, mark * 500):
        for raw in (
            {"name": mark + "-", outer: value},
            {"name": "a", outer: value},
            {"name": "a", outer: {inner: value}},
            {"name": "a", outer: {mark[:30]: value}},
            {"name": "a", outer: {inner: {mark: value}}},
        ):
            found = accepted(raw, trusted=trusted)
            if isinstance(found, InvalidInputError):
                assert mark[:12] not in found.detail
                assert mark[:12] not in str(found)
